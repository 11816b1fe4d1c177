//! Profile tokens: a few rows of each modality that carry what is known of the cell as a whole.

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, linear};

use crate::anchor::AnchorConfig;
use crate::batch::Profiles;
use crate::config::ModelConfig;

/// Numbers of a profile beside the coordinates: logarithms of the library size and of the number of genes.
const SIZES: usize = 2;

/// Returns the length of the vector that a cell's profile tokens are made of.
pub fn profile_width(config: &ModelConfig) -> usize {
    config.anchor.as_ref().map_or(0, AnchorConfig::coordinates) + SIZES
}

/// One linear map for each row of a modality.
#[derive(Clone, Debug)]
pub struct ProfileEncoder {
    weight: Tensor,
    bias: Tensor,
    rows: usize,
}

impl ProfileEncoder {
    /// Takes the encoder of `modality` from its parameters, where the configuration has profile tokens.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(p: &ParameterBuilder, config: &ModelConfig, modality: &str) -> Result<Option<Self>> {
        let (rows, width) = (config.profile_tokens, profile_width(config));
        if rows == 0 {
            return Ok(None);
        }
        let (p, outputs, init) =
            (p.pp("profiles").pp(modality), rows * config.dim, Init::Linear { inputs: width });
        let weight = p.get("weight", (outputs, width), init)?;
        Ok(Some(Self { weight, bias: p.get("bias", outputs, init)?, rows }))
    }

    /// Returns the rows of all cells that have a vector, `[cells with one * rows, dim]`.
    ///
    /// # Errors
    /// Where vectors have another length.
    pub fn forward(&self, profiles: &Profiles) -> Result<Tensor> {
        let (outputs, width) = self.weight.dims2()?;
        let cells = profiles.count();
        let vectors = Tensor::from_slice(&profiles.values, (cells, width), self.weight.device())?;
        let rows = linear(&vectors.to_dtype(self.weight.dtype())?, &self.weight, Some(&self.bias))?;
        rows.reshape((cells * self.rows, outputs / self.rows))
    }
}
