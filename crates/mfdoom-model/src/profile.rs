//! Profile tokens: a few rows of each modality that carry what is known of the cell as a whole.

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, linear};

use crate::anchor::AnchorConfig;
use crate::batch::Profiles;
use crate::config::ModelConfig;

/// Beginning of the names of the tensors of profile tokens.
const PREFIX: &str = "profiles";
/// Mean of a profile over the training cells.
const MEAN: &str = "mean";
/// Its deviation.
const DEVIATION: &str = "deviation";
/// Numbers of a profile besides the coordinates.
const SIZES: usize = 2;

/// Returns the length of a profile.
pub fn profile_width(config: &ModelConfig) -> usize {
    config.anchor.as_ref().map_or(0, AnchorConfig::coordinates) + SIZES
}

/// Returns the profile of a cell in a modality: its coordinates in the closed form from that modality alone, then the
/// logarithms of one plus its library size and of one plus its number of genes.
pub fn profile(coordinates: impl IntoIterator<Item = f32>, library_size: f64, genes: usize) -> Vec<f32> {
    let sizes = [library_size, genes as f64].map(|size| size.ln_1p() as f32);
    coordinates.into_iter().chain(sizes).collect()
}

/// Returns the names of mean and deviation of a modality's profiles, which are constants of the training cells.
pub fn profile_constants(modality: &str) -> [String; 2] {
    [MEAN, DEVIATION].map(|leaf| format!("{PREFIX}.{modality}.{leaf}"))
}

/// Whether a parameter is one of [`profile_constants`].
pub fn is_profile_constant(name: &str) -> bool {
    let leaf = name.rsplit('.').next().unwrap_or_default();
    name.starts_with(PREFIX) && (leaf == MEAN || leaf == DEVIATION)
}

/// One linear map of the standardised profile for each row of a modality.
#[derive(Clone, Debug)]
pub struct ProfileEncoder {
    mean: Tensor,
    deviation: Tensor,
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
        let (p, outputs) = (p.pp(PREFIX).pp(modality), rows * config.dim);
        let init = Init::Linear { inputs: width };
        Ok(Some(Self {
            mean: p.get(MEAN, width, Init::ZEROS)?,
            deviation: p.get(DEVIATION, width, Init::ONES)?,
            weight: p.get("weight", (outputs, width), init)?,
            bias: p.get("bias", outputs, init)?,
            rows,
        }))
    }

    /// Returns the rows of all cells that have a profile, `[cells with one * rows, dim]`.
    ///
    /// # Errors
    /// Where profiles have another length.
    pub fn forward(&self, profiles: &Profiles) -> Result<Tensor> {
        let (outputs, width) = self.weight.dims2()?;
        let cells = profiles.count();
        let raw = Tensor::from_slice(&profiles.values, (cells, width), self.weight.device())?;
        let centred = raw.to_dtype(self.weight.dtype())?.broadcast_sub(&self.mean)?;
        let rows = linear(&centred.broadcast_div(&self.deviation)?, &self.weight, Some(&self.bias))?;
        rows.reshape((cells * self.rows, outputs / self.rows))
    }
}
