//! Parameters listed before they are made, as decoders do.

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterStore};

/// One tensor of a decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name in `model.safetensors`.
    pub name: String,
    /// Its dimensions; a linear weight is `[out, in]`.
    pub shape: Vec<usize>,
    /// How it starts.
    pub init: Init,
}

pub(crate) fn parameter(name: impl Into<String>, shape: impl Into<Vec<usize>>, init: Init) -> Parameter {
    Parameter { name: name.into(), shape: shape.into(), init }
}

/// Draws parameters into a store; what is drawn depends on the seed of the store and the name alone.
pub(crate) fn add(store: &mut ParameterStore, parameters: Vec<Parameter>) -> Result<()> {
    for Parameter { name, shape, init } in parameters {
        store.draw(&name, shape, init)?;
    }
    Ok(())
}

/// Returns a parameter as the tensor that layers compute with.
pub(crate) fn tensor(store: &ParameterStore, name: &str) -> Result<Tensor> {
    store.tensor(name)
}
