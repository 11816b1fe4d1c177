//! A linear layer over the last dimension whose backward reads every operand in place.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Device, Layout, Result, Shape, Tensor, bail};

use crate::buffer::{Pieces, fill_rows, fill_rows_with};
use crate::composed;
use crate::host::{Host, by_dtype, expect_shape, rows_and_width, slice, to_storage, wants_grad};
use crate::math::Real;
use crate::matrix::{Target, View, Workers, product};

/// Returns `x weight^T (+ bias)`.
///
/// # Shapes
/// x `[.., in]`, weight `[out, in]`, bias `[out]` -> `[.., out]`
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[[1f32, 2.0]], &Device::Cpu)?;
/// let weight = Tensor::new(&[[1f32, 0.0], [3.0, 4.0], [0.0, -1.0]], &Device::Cpu)?;
/// let bias = Tensor::new(&[0f32, 0.0, 5.0], &Device::Cpu)?;
/// let y = mfdoom_nn::linear(&x, &weight, Some(&bias))?;
/// assert_eq!(y.to_vec2::<f32>()?, [[1.0, 11.0, 3.0]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let (_, width) = rows_and_width(x)?;
    let (out, wanted) = weight.dims2()?;
    if width != wanted {
        bail!(
            "a linear layer for {wanted} inputs was given {width} (x {:?}, weight {:?})",
            x.dims(),
            weight.dims()
        );
    }
    if let Some(bias) = bias {
        expect_shape("the bias of a linear layer", bias, &[out])?;
    }
    // a vendor's BLAS, where one is built in, is behind candle's own product
    if !x.device().is_cpu() || cfg!(any(feature = "mkl", feature = "accelerate")) {
        return composed::linear(x, weight, bias);
    }
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    match bias {
        None => x.apply_op2(&weight, Linear),
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, Linear),
    }
}

struct Linear;

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let y = by_dtype!(s1.dtype(), T => {
            to_storage(forward(slice::<T>(s1, l1)?, slice::<T>(s2, l2)?, l2.dims()[0], None))
        });
        Ok((y, out_shape(l1, l2)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        by_dtype!(x.dtype(), T => backward::<T>(x, w, &grad))
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear-bias"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let y = by_dtype!(s1.dtype(), T => {
            let bias = slice::<T>(s3, l3)?;
            to_storage(forward(slice::<T>(s1, l1)?, slice::<T>(s2, l2)?, bias.len(), Some(bias)))
        });
        Ok((y, out_shape(l1, l2)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (dx, dw) = by_dtype!(x.dtype(), T => backward::<T>(x, w, &grad)?);
        let db = if wants_grad(b) { Some(by_dtype!(b.dtype(), T => column_sums::<T>(&grad)?)) } else { None };
        Ok((dx, dw, db))
    }
}

fn out_shape(x: &Layout, weight: &Layout) -> Shape {
    let mut dims = x.dims().to_vec();
    if let Some(last) = dims.last_mut() {
        *last = weight.dims()[0];
    }
    dims.into()
}

fn forward<T: Real>(x: &[T], weight: &[T], out: usize, bias: Option<&[T]>) -> Vec<T> {
    let width = weight.len() / out.max(1);
    let rows = x.len() / width.max(1);
    let mut y = match bias {
        None => vec![T::zero(); rows * out],
        Some(bias) => fill_rows(Pieces::new(rows, out), |_, piece| {
            piece.chunks_exact_mut(out).for_each(|row| row.copy_from_slice(bias));
        }),
    };
    let target = Target { data: &mut y, stride: out, accumulate: bias.is_some() };
    product(
        target,
        View::new(x, rows, width, width),
        View::new(weight, out, width, width).transposed(),
        Workers::Pool,
    );
    y
}

/// Returns the gradients of x and weight, where they are wanted.
fn backward<T: Real>(x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
    let (rows, width) = rows_and_width(x)?;
    let (out, _) = weight.dims2()?;
    let (x_host, weight_host, grad_host) = (Host::of(x), Host::of(weight), Host::of(grad));
    let g = View::new(grad_host.slice::<T>()?, rows, out, out);
    let dx = if wants_grad(x) {
        let mut dx = vec![T::zero(); rows * width];
        let weight = View::new(weight_host.slice::<T>()?, out, width, width);
        product(Target::over(&mut dx, width), g, weight, Workers::Pool);
        Some(Tensor::from_vec(dx, x.shape(), &Device::Cpu)?)
    } else {
        None
    };
    let dw = if wants_grad(weight) {
        let mut dw = vec![T::zero(); out * width];
        let x = View::new(x_host.slice::<T>()?, rows, width, width);
        product(Target::over(&mut dw, width), g.transposed(), x, Workers::Pool);
        Some(Tensor::from_vec(dw, weight.shape(), &Device::Cpu)?)
    } else {
        None
    };
    Ok((dx, dw))
}

/// Returns the sum over all rows, in the order of fixed pieces.
fn column_sums<T: Real>(grad: &Tensor) -> Result<Tensor> {
    let (rows, width) = rows_and_width(grad)?;
    let host = Host::of(grad);
    let g = host.slice::<T>()?;
    // one output element per row is only a carrier for the pieces: what is wanted are the partial sums
    let (_, sums) = fill_rows_with(Pieces::reading(rows, 1, width), width, |first, piece, partial| {
        piece.fill(T::zero());
        for row in g[first * width..].chunks_exact(width.max(1)).take(piece.len()) {
            for (sum, &value) in partial.iter_mut().zip(row) {
                *sum += value;
            }
        }
    });
    Tensor::from_vec(sums, width, &Device::Cpu)
}
