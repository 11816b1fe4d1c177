//! Clipping of gradients by their joint norm.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor};
use rayon::prelude::*;

use crate::host::{Host, by_dtype};
use crate::parameters::ParameterStore;

/// Elements summed by one task; fixes the order of the sum.
const PIECE: usize = 64 * 1024;

/// Scales the gradients of the parameters so that their joint Euclidean norm is at most `max_norm`.
///
/// Returns the norm before clipping. As torch's, the factor is `max_norm / (norm + 1e-6)`; a norm that is not
/// finite leaves the gradients as they are, so that the caller can skip the step.
///
/// ```
/// use candle_core::{DType, Device};
/// use mfdoom_nn::{Init, ParameterStore, clip_grad_norm};
/// let mut store = ParameterStore::new(0, DType::F32, &Device::Cpu);
/// let w = store.draw("w", 4, Init::ONES)?; // d/dw of 3 * sum(w) is 3 everywhere: norm 6
/// let mut grads = (w.sum_all()? * 3.0)?.backward()?;
/// assert_eq!(clip_grad_norm(&mut grads, &store, 1.0)?, 6.0);
/// assert!((grads.get(&w).expect("a gradient").to_vec1::<f32>()?[0] - 0.5).abs() < 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn clip_grad_norm(grads: &mut GradStore, store: &ParameterStore, max_norm: f64) -> Result<f64> {
    let mut total = 0.0;
    for (_, var) in store.iter() {
        if let Some(grad) = grads.get(var) {
            total += sum_of_squares(grad)?;
        }
    }
    let norm = total.sqrt();
    let factor = max_norm / (norm + 1e-6);
    if norm.is_finite() && factor < 1.0 {
        for (_, var) in store.iter() {
            if let Some(grad) = grads.remove(var) {
                grads.insert(var, (grad * factor)?);
            }
        }
    }
    Ok(norm)
}

fn sum_of_squares(grad: &Tensor) -> Result<f64> {
    let grad = grad.contiguous()?;
    if !grad.device().is_cpu() {
        return grad.to_dtype(candle_core::DType::F32)?.sqr()?.sum_all()?.to_scalar::<f32>().map(f64::from);
    }
    by_dtype!(grad.dtype(), T => {
        let host = Host::of(&grad);
        let square = |&x: &T| candle_core::WithDType::to_f64(x) * candle_core::WithDType::to_f64(x);
        let pieces: Vec<f64> =
            host.slice::<T>()?.par_chunks(PIECE).map(|piece| piece.iter().map(square).sum()).collect();
        Ok(pieces.iter().sum())
    })
}
