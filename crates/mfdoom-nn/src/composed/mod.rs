//! The same functions from candle operations that have a gradient: for CUDA and Metal, and to check ours.

mod attention;
mod negative_binomial;

pub use attention::attention;
use candle_core::{D, Device, Result, Tensor};
pub use negative_binomial::negative_binomial;

use crate::SparseRows;

/// As [`crate::layer_norm`].
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, eps: f64) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normed = centred.broadcast_div(&(variance + eps)?.sqrt()?)?.broadcast_mul(weight)?;
    match bias {
        None => Ok(normed),
        Some(bias) => normed.broadcast_add(bias),
    }
}

/// As [`crate::geglu`].
pub fn geglu(x: &Tensor) -> Result<Tensor> {
    let half = x.dim(D::Minus1)? / 2;
    let value = x.narrow(D::Minus1, 0, half)?;
    x.narrow(D::Minus1, half, half)?.contiguous()?.gelu_erf()? * value
}

/// As [`crate::linear`].
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let mut dims = x.dims().to_vec();
    let rows = x.flatten_to(dims.len().saturating_sub(2))?;
    let rows = if dims.len() == 1 { x.unsqueeze(0)? } else { rows };
    let y = rows.matmul(&weight.t()?)?;
    let y = match bias {
        None => y,
        Some(bias) => y.broadcast_add(bias)?,
    };
    if let Some(last) = dims.last_mut() {
        *last = weight.dim(0)?;
    }
    y.reshape(dims)
}

/// As [`crate::gather`].
pub fn gather(table: &Tensor, index: &[u32]) -> Result<Tensor> {
    table.index_select(&indices(index, table.device())?, 0)
}

/// As [`crate::gather_add`].
pub fn gather_add(a: &Tensor, index_a: &[u32], b: &Tensor, index_b: &[u32]) -> Result<Tensor> {
    gather(a, index_a)? + gather(b, index_b)?
}

/// As [`crate::value_hidden`].
pub fn value_hidden(values: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    values.unsqueeze(1)?.broadcast_mul(&weight.unsqueeze(0)?)?.broadcast_add(bias)?.relu()
}

fn indices(index: &[u32], device: &Device) -> Result<Tensor> {
    Tensor::from_slice(index, index.len(), device)
}

/// As [`crate::sparse_product`].
pub fn sparse_product(rows: &SparseRows, table: &Tensor) -> Result<Tensor> {
    let (_, width) = table.dims2()?;
    let sums = Tensor::zeros((rows.len(), width), table.dtype(), table.device())?;
    if rows.n_values() == 0 {
        return Ok(sums);
    }
    let (row, columns, values) = rows.triplets();
    let values = Tensor::from_slice(values, (values.len(), 1), table.device())?.to_dtype(table.dtype())?;
    let parts = gather(table, columns)?.broadcast_mul(&values)?;
    sums.index_add(&indices(&row, table.device())?, &parts, 0)
}
