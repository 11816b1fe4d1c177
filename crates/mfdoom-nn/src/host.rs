//! Reading tensors of the CPU as slices, and choosing the element type at run time.

use candle_core::{CpuStorage, Layout, Result, Storage, StorageRef, Tensor, bail};

use crate::math::Real;

/// Runs `$body` with `$T` bound to `f32` or `f64`, whichever the type is.
macro_rules! by_dtype {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            candle_core::DType::F32 => {
                type $T = f32;
                $body
            }
            candle_core::DType::F64 => {
                type $T = f64;
                $body
            }
            other => candle_core::bail!("this operation is for f32 and f64 on the CPU, not {other:?}"),
        }
    };
}
pub(crate) use by_dtype;

/// Returns the elements of a contiguous storage.
pub(crate) fn slice<'a, T: Real>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<T>()?[start..end]),
        None => bail!("a kernel of mfdoom-nn needs a contiguous tensor, got {layout:?}"),
    }
}

/// A contiguous tensor on the CPU, held open for reading.
pub(crate) struct Host<'a> {
    storage: StorageRef<'a>,
    layout: &'a Layout,
}

impl<'a> Host<'a> {
    pub(crate) fn of(tensor: &'a Tensor) -> Host<'a> {
        let (storage, layout) = tensor.storage_and_layout();
        Host { storage, layout }
    }

    pub(crate) fn slice<T: Real>(&self) -> Result<&[T]> {
        match &*self.storage {
            Storage::Cpu(storage) => slice(storage, self.layout),
            _ => bail!("a CPU kernel was given a tensor of another device"),
        }
    }
}

/// Whether a gradient for this tensor can be used by anything.
pub(crate) fn wants_grad(tensor: &Tensor) -> bool {
    tensor.track_op()
}

/// Returns the number of rows and the width of the last dimension.
pub(crate) fn rows_and_width(tensor: &Tensor) -> Result<(usize, usize)> {
    match tensor.dims() {
        [] => bail!("a scalar has no last dimension"),
        [rows @ .., width] => Ok((rows.iter().product(), *width)),
    }
}

/// Checks that a parameter has the wanted shape.
pub(crate) fn expect_shape(what: &str, tensor: &Tensor, wanted: &[usize]) -> Result<()> {
    if tensor.dims() != wanted {
        bail!("{what} has the shape {:?}, wanted {wanted:?}", tensor.dims());
    }
    Ok(())
}

/// Hands results over to candle.
pub(crate) fn to_storage<T: Real>(values: Vec<T>) -> CpuStorage {
    T::to_cpu_storage_owned(values)
}
