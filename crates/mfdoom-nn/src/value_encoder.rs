//! The value encoder: a count (or its logarithm) in, a normalised vector out.

use candle_core::{Result, Tensor};

use crate::{layer_norm, linear, value_hidden};

/// Linear 1 -> d, ReLU, Linear d -> d, LayerNorm with bias. The fields are the parameters.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let row = |v: &[f32]| Tensor::new(v, &Device::Cpu);
/// let encoder = mfdoom_nn::ValueEncoder {
///     linear1_weight: row(&[1.0, 2.0])?.reshape((2, 1))?,
///     linear1_bias: row(&[0.0, 0.0])?,
///     linear2_weight: Tensor::new(&[[1f32, 0.0], [0.0, 1.0]], &Device::Cpu)?,
///     linear2_bias: row(&[0.0, 0.0])?,
///     norm_weight: row(&[1.0, 1.0])?,
///     norm_bias: row(&[0.0, 0.5])?,
///     eps: 1e-5,
/// };
/// let y = encoder.forward(&row(&[3.0])?)?.to_vec2::<f32>()?; // relu: 3, 6; normalised: -1, 1
/// assert!((y[0][0] + 1.0).abs() < 1e-4 && (y[0][1] - 1.5).abs() < 1e-4);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ValueEncoder {
    /// `[d, 1]`
    pub linear1_weight: Tensor,
    /// `[d]`
    pub linear1_bias: Tensor,
    /// `[d, d]`
    pub linear2_weight: Tensor,
    /// `[d]`
    pub linear2_bias: Tensor,
    /// `[d]`
    pub norm_weight: Tensor,
    /// `[d]`
    pub norm_bias: Tensor,
    /// Added to the variance of the norm.
    pub eps: f64,
}

impl ValueEncoder {
    /// Returns one vector per value; it does not treat the value 0 specially.
    ///
    /// # Shapes
    /// values `[n]` -> `[n, d]`
    pub fn forward(&self, values: &Tensor) -> Result<Tensor> {
        let hidden = value_hidden(values, &self.linear1_weight.flatten_all()?, &self.linear1_bias)?; // [n, d]
        let hidden = linear(&hidden, &self.linear2_weight, Some(&self.linear2_bias))?; // [n, d]
        layer_norm(&hidden, &self.norm_weight, Some(&self.norm_bias), self.eps) // [n, d]
    }
}
