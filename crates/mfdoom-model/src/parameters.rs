//! Names, shapes and initial values of a model's tensors, in one list.

use candle_core::{DType, Device, Result, Tensor, Var};
use mfdoom_nn::ParameterStore;

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

/// How a tensor starts: linear layers and tables as in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// Normal with this standard deviation.
    Normal(f64),
    /// Standard normal, but the reserved row 0 is zero.
    Embedding,
    /// Uniform within one over the root of the number of inputs.
    Linear {
        /// Inputs of the layer.
        inputs: usize,
    },
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
    let mut store = ParameterStore::new(seed, dtype, device);
    add(&mut store, parameters(config))?;
    Ok(store)
}

/// Draws parameters into a store; what is drawn depends on the seed of the store and the name alone.
pub(crate) fn add(store: &mut ParameterStore, parameters: Vec<Parameter>) -> Result<()> {
    for Parameter { name, shape, init } in parameters {
        match init {
            Init::Normal(std) => store.normal(&name, shape, std)?,
            Init::Embedding => store.normal(&name, shape, 1.0)?,
            Init::Linear { inputs } => store.uniform(&name, shape, 1.0 / (inputs as f64).sqrt())?,
            Init::Constant(value) => store.constant(&name, shape, value)?,
        };
        if init == Init::Embedding {
            clear_reserved_row(store.get(&name)?)?;
        }
    }
    Ok(())
}

fn clear_reserved_row(table: &Var) -> Result<()> {
    let (rows, _) = table.dims2()?;
    let genes = table.narrow(0, 1, rows - 1)?;
    table.set(&Tensor::cat(&[table.narrow(0, 0, 1)?.zeros_like()?, genes], 0)?)
}

/// Returns a parameter as the tensor that layers compute with.
pub(crate) fn tensor(store: &ParameterStore, name: &str) -> Result<Tensor> {
    store.tensor(name)
}
