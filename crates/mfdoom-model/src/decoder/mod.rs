//! Decoders: for this cell and this gene, what value?
//!
//! ```text
//! config.rs      task, architecture, loss          network.rs       gene queries meet the backbone
//! parameters.rs  names, shapes, initial values     profile_path.rs  past the backbone, from all counts
//! profile.rs     what the profile path sees        loss.rs          what is minimised
//! ```
//!
//! `pooled`: `out[c, g] = bias[g] + <query[g], h[c]>`, where `h` is what the profile path says of the cell plus
//! what the network makes of the pooled vector. `attention`: the network gives a value of its own for each cell
//! and gene, beside that product. The network starts at zero and the profile path at a closed-form regression, so
//! that training starts at that baseline and can only add.

mod config;
mod loss;
mod network;
mod parameters;
mod profile;
mod profile_path;

use candle_core::{Result, Tensor};
pub use config::{
    Architecture, DECODER_FORMAT, DecoderConfig, DecoderLoss, DecoderTask, Library, ProfileConfig,
};
pub(crate) use loss::log_softmax;
pub use loss::{Losses, ObservedCounts, Target, Values};
use mfdoom_nn::{ParameterStore, linear};
pub use network::{Answer, Context, Network};
pub use parameters::{PREFIX, add_decoder, decoder_parameters, is_constant, is_fitted};
pub use profile::{ModalityProfile, ProfileBatch, TARGET_SUM, log_normalised};
pub use profile_path::ProfilePath;

use crate::config::ModelConfig;
use crate::parameters::tensor;

/// A decoder on its device; it shares its tensors with the store that it was loaded from.
#[derive(Clone, Debug)]
pub struct Decoder {
    config: DecoderConfig,
    network: Network,
    profile: Option<ProfilePath>,
    /// `[rows, rank]`
    queries: Tensor,
    /// `[rows]`
    bias: Tensor,
    /// Mean and scale of each output, `[outputs]`.
    standard: Option<(Tensor, Tensor)>,
    /// `[outputs]`
    log_dispersion: Option<Tensor>,
}

/// What a decoder says of cells.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// `[cells, outputs]`: standardised values, logits of genes, or logits of labels.
    pub values: Tensor,
    /// Logits of an additional zero, `[cells, outputs]`.
    pub gate: Option<Tensor>,
}

impl Decoder {
    /// Takes a decoder from a store.
    ///
    /// # Errors
    /// Where a parameter is missing.
    pub fn load(store: &ParameterStore, config: &DecoderConfig, backbone: &ModelConfig) -> Result<Self> {
        let get = |wanted: bool, name: &str| wanted.then(|| tensor(store, name)).transpose();
        let mean = get(config.is_standardised(), "decoder.target.mean")?;
        let scale = get(config.is_standardised(), "decoder.target.scale")?;
        Ok(Self {
            network: Network::load(store, config, backbone)?,
            profile: config
                .profile
                .as_ref()
                .map(|profile| ProfilePath::load(store, profile, backbone))
                .transpose()?,
            queries: tensor(store, "decoder.queries")?,
            bias: tensor(store, "decoder.bias")?,
            standard: mean.zip(scale),
            log_dispersion: get(config.loss.is_of_counts(), "decoder.log_dispersion")?,
            config: config.clone(),
        })
    }

    /// Returns the configuration.
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// Returns the network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Returns the profile path, where there is one.
    pub fn profile(&self) -> Option<&ProfilePath> {
        self.profile.as_ref()
    }

    /// Returns the outputs of cells; `profile` is not looked at where there is no profile path.
    ///
    /// # Errors
    /// Where context or profile are not of this decoder, or the device fails.
    pub fn forward(&self, context: &Context, profile: &ProfileBatch) -> Result<Outputs> {
        let from_profile = match &self.profile {
            Some(path) => Some(path.forward(profile, &self.queries)?), // [cells, rank]
            None => None,
        };
        let rows = match (self.network.forward(context)?, from_profile) {
            (Answer::ForAll(h), Some(p)) => self.meet(&(h + p)?)?,
            (Answer::ForAll(h), None) => self.meet(&h)?,
            (Answer::ForEach(x), Some(p)) => (x + self.meet(&p)?)?,
            (Answer::ForEach(x), None) => x.broadcast_add(&self.bias)?,
        };
        let n = self.config.outputs();
        Ok(match self.config.loss {
            DecoderLoss::Zinb => Outputs {
                values: rows.narrow(1, 0, n)?.contiguous()?,
                gate: Some(rows.narrow(1, n, n)?.contiguous()?),
            },
            _ => Outputs { values: rows, gate: None },
        })
    }

    /// The queries meet a vector per cell, `[cells, rank]` to `[cells, rows]`.
    fn meet(&self, h: &Tensor) -> Result<Tensor> {
        linear(h, &self.queries, Some(&self.bias))
    }

    /// Returns the loss of outputs.
    ///
    /// # Errors
    /// Where the target is not one of this decoder's task, or the device fails.
    pub fn loss(&self, outputs: &Outputs, target: &Target) -> Result<Losses> {
        match (target, &self.standard, &self.log_dispersion) {
            (Target::Values(values), Some((mean, scale)), _) => {
                loss::of_values(&self.config, &outputs.values, (mean, scale), values)
            }
            (Target::Counts(counts), _, Some(dispersion)) => {
                let shape = (dispersion, outputs.gate.as_ref());
                loss::of_counts(&self.config, &outputs.values, shape, counts)
            }
            (Target::Labels(labels), ..) => loss::of_labels(&outputs.values, labels),
            _ => candle_core::bail!("the target is not one of this decoder's task"),
        }
    }

    /// Returns what the outputs mean, `[cells, outputs]`: values in the units of the target, for counts
    /// `ln(1 + 1e4 x share)` with the shares of all genes of a target, for labels their probabilities.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn predict(&self, outputs: &Outputs) -> Result<Tensor> {
        let shape = outputs.values.shape();
        match (&self.standard, &self.log_dispersion) {
            (Some((mean, scale)), _) => outputs.values.broadcast_mul(scale)?.broadcast_add(mean),
            (None, Some(_)) => {
                let shares = self.log_shares(outputs)?.exp()?;
                (shares.affine(f64::from(TARGET_SUM), 1.0))?.log()?.reshape(shape)
            }
            (None, None) => log_softmax(&outputs.values)?.exp(),
        }
    }

    /// Returns the logarithm of each gene's share of a target's counts, `[cells, targets, genes]`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn log_shares(&self, outputs: &Outputs) -> Result<Tensor> {
        let (cells, _) = outputs.values.dims2()?;
        let shape = (cells, self.config.targets.len(), self.config.genes);
        log_softmax(&outputs.values.reshape(shape)?)
    }

    /// Returns the logarithm of the inverse dispersion of each output, `[outputs]`, for losses of counts.
    pub fn log_dispersion(&self) -> Option<&Tensor> {
        self.log_dispersion.as_ref()
    }
}
