//! Logarithm of the softmax.

use candle_core::{D, Result, Tensor};

/// Returns the logarithm of the softmax over the last dimension.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let x = Tensor::new(&[[0f64, 3f64.ln()]], &Device::Cpu)?;
/// let shares = mfdoom_nn::log_softmax(&x)?.exp()?.to_vec2::<f64>()?;
/// assert!((shares[0][0] - 0.25).abs() < 1e-12 && (shares[0][1] - 0.75).abs() < 1e-12);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// Where the device fails.
pub fn log_softmax(x: &Tensor) -> Result<Tensor> {
    let shifted = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?;
    let sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    shifted.broadcast_sub(&sum)
}
