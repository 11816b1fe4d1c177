//! Names, shapes and initial values of a model's tensors, in one list.

use candle_core::{DType, Device, Result, Tensor};
use mfdoom_nn::{ParameterStore, Stream};

use crate::config::{ModelConfig, Temperature};
use crate::{backbone, encoder, objective, pool};

/// One tensor of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name in `model.safetensors`.
    pub name: String,
    /// Its dimensions; a linear weight is `[out, in]`.
    pub shape: Vec<usize>,
    /// How it starts.
    pub init: Init,
}

/// How a tensor starts, as in PyTorch's defaults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Standard normal.
    Normal,
    /// Standard normal, but the reserved row 0 is zero.
    Embedding,
    /// Uniform within one over the root of the number of inputs.
    Linear {
        /// Inputs of the layer.
        inputs: usize,
    },
    /// One.
    Ones,
    /// Zero.
    Zeros,
    /// The same number everywhere.
    Constant(f64),
}

pub(crate) fn parameter(name: impl Into<String>, shape: impl Into<Vec<usize>>, init: Init) -> Parameter {
    Parameter { name: name.into(), shape: shape.into(), init }
}

/// Returns the tensors of a model.
pub fn parameters(config: &ModelConfig) -> Vec<Parameter> {
    let mut all = encoder::parameters(config);
    all.extend(backbone::parameters(config));
    all.extend(pool::parameters(config));
    let pairs = objective::pairs(config).len();
    let shape = if config.contrastive.temperature == Temperature::Shared { vec![] } else { vec![pairs] };
    all.push(parameter("loss.logit_scale", shape, Init::Constant((1.0f64 / 0.07).ln())));
    all
}

/// Draws the tensors of a new model; equal seeds give equal models.
///
/// # Errors
/// Where the device has no memory left.
pub fn initialise(config: &ModelConfig, seed: u64, dtype: DType, device: &Device) -> Result<ParameterStore> {
    let mut store = ParameterStore::new();
    for p in parameters(config) {
        let values = p.draw(seed);
        store.insert(&p.name, Tensor::from_vec(values, p.shape, device)?.to_dtype(dtype)?)?;
    }
    Ok(store)
}

impl Parameter {
    fn draw(&self, seed: u64) -> Vec<f32> {
        let n = self.shape.iter().product();
        let mut stream = Stream::named(seed, "init", &self.name);
        match self.init {
            Init::Normal => stream.normal(n),
            Init::Embedding => {
                let mut values = stream.normal(n);
                values[..self.shape[1]].fill(0.0);
                values
            }
            Init::Linear { inputs } => stream.uniform(n, 1.0 / (inputs as f64).sqrt()),
            Init::Ones => vec![1.0; n],
            Init::Zeros => vec![0.0; n],
            Init::Constant(value) => vec![value as f32; n],
        }
    }
}
