//! How a parameter starts.

use candle_core::Shape;

use crate::stream::Stream;

/// Initial values of a parameter: linear layers and tables as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
    /// Standard normal, but row 0, which stands for no gene, is zero.
    Embedding,
    /// Uniform within one over the root of the number of inputs.
    Linear {
        /// Inputs of the layer.
        inputs: usize,
    },
    /// The same number everywhere.
    Constant(f64),
}

impl Init {
    /// Ones, for gains.
    pub const ONES: Init = Init::Constant(1.0);
    /// Zeros, for biases.
    pub const ZEROS: Init = Init::Constant(0.0);

    /// Draws the values in `f32` from the stream (seed, "init", name): they depend neither on the order in which
    /// parameters are made nor on the element type.
    pub(crate) fn values(self, seed: u64, name: &str, shape: &Shape) -> Vec<f32> {
        let count = shape.elem_count();
        let mut stream = Stream::new(seed, "init", 0, Stream::hash(name));
        let mut draw = |of: &mut dyn FnMut(&mut Stream) -> f64| -> Vec<f32> {
            (0..count).map(|_| of(&mut stream) as f32).collect()
        };
        match self {
            Self::Normal(std) => draw(&mut |stream| stream.normal() * std),
            Self::Embedding => {
                let mut values = draw(&mut Stream::normal);
                let width = count / shape.dims().first().copied().unwrap_or(1).max(1);
                values[..width].fill(0.0);
                values
            }
            Self::Linear { inputs } => {
                let bound = 1.0 / (inputs as f64).sqrt();
                draw(&mut |stream| (2.0 * stream.uniform() - 1.0) * bound)
            }
            Self::Constant(value) => vec![value as f32; count],
        }
    }
}
