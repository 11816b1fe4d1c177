//! A decoder: gene queries times what the network and the profile path say of a cell.
//!
//! `pooled`: `out[c, g] = bias[g] + <query[g], h[c]>`, where `h` is what the profile path says of the cell plus
//! what the network makes of the pooled vector. `attention`: the network gives a value of its own for each cell
//! and gene, next to that product. The network starts at zero and the profile path at a closed-form regression, so
//! that training starts at that baseline.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use mfdoom_model::ModelConfig;
use mfdoom_nn::{Init, ParameterBuilder, ParameterStore, linear};

use crate::config::DecoderConfig;
use crate::likelihood::{CountDistributions, Likelihood, Losses, Target};
use crate::network::{Context, Network, Said};
use crate::profile::ProfileBatch;
use crate::profile_path::{Assessment, ProfilePath};

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
    likelihood: Arc<dyn Likelihood>,
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
    /// Takes a decoder from its parameters, whose names begin with [`PREFIX`](crate::PREFIX) in a file.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`], and where the backbone has no such head.
    pub fn build(p: &ParameterBuilder, config: &DecoderConfig, backbone: &ModelConfig) -> Result<Self> {
        let (rows, k) = (config.rows(), config.rank);
        let path = |profile| ProfilePath::build(p, profile, backbone, k);
        Ok(Self {
            network: Network::build(p, config, backbone)?,
            profile: config.profile.as_ref().map(path).transpose()?,
            queries: p.get("queries", (rows, k), Init::Normal(1.0 / (k as f64).sqrt()))?,
            bias: p.get("bias", rows, Init::ZEROS)?,
            likelihood: config.loss.build(p, config)?,
            config: config.clone(),
        })
    }

    /// Takes a decoder from a store, whose parameters it shares.
    ///
    /// # Errors
    /// Those of [`Decoder::build`].
    pub fn load(store: &ParameterStore, config: &DecoderConfig, backbone: &ModelConfig) -> Result<Self> {
        Self::build(&ParameterBuilder::over(store).pp("decoder"), config, backbone)
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
        let said = self.profile.as_ref().map(|path| path.forward(profile, &self.queries)).transpose()?;
        self.join(context, said)
    }

    /// Returns the outputs of cells, and how far off they may be; nothing of a cell of which the decoder does not know.
    ///
    /// # Errors
    /// Those of [`Decoder::forward`].
    pub fn forward_assessed(
        &self,
        context: &Context,
        profile: &ProfileBatch,
    ) -> Result<(Outputs, Vec<Option<Assessment>>)> {
        let (said, assessments) = match &self.profile {
            Some(path) => {
                let (said, assessments) = path.forward_assessed(profile, &self.queries)?;
                (Some(said), assessments)
            }
            None => (None, Vec::new()),
        };
        Ok((self.join(context, said)?, assessments))
    }

    /// Joins what the network says of the cells with what the profile path does, `[cells, rank]`.
    fn join(&self, context: &Context, from_profile: Option<Tensor>) -> Result<Outputs> {
        let rows = match (self.network.forward(context)?, from_profile) {
            (Said::OfCell(h), Some(p)) => self.ask(&(h + p)?)?,
            (Said::OfCell(h), None) => self.ask(&h)?,
            (Said::OfGenes(x), Some(p)) => (x + self.ask(&p)?)?,
            (Said::OfGenes(x), None) => x.broadcast_add(&self.bias)?,
        };
        let n = self.config.outputs();
        Ok(match self.config.loss.rows() {
            1 => Outputs { values: rows, gate: None },
            _ => Outputs {
                values: rows.narrow(1, 0, n)?.contiguous()?,
                gate: Some(rows.narrow(1, n, n)?.contiguous()?),
            },
        })
    }

    /// Lets the queries ask a vector of each cell, `[cells, rank]` to `[cells, rows]`.
    fn ask(&self, h: &Tensor) -> Result<Tensor> {
        linear(h, &self.queries, Some(&self.bias))
    }

    /// Returns the loss of outputs.
    ///
    /// # Errors
    /// Those of [`Likelihood::loss`].
    pub fn loss(&self, outputs: &Outputs, target: &Target) -> Result<Losses> {
        self.likelihood.loss(&self.config, outputs, target)
    }

    /// Returns what the outputs mean, `[cells, outputs]`.
    ///
    /// # Errors
    /// Those of [`Likelihood::predict`].
    pub fn predict(&self, outputs: &Outputs) -> Result<Tensor> {
        self.likelihood.predict(&self.config, outputs)
    }

    /// Returns the distributions that counts are drawn from, where outputs are counts.
    ///
    /// # Errors
    /// Those of [`Likelihood::distributions`].
    pub fn distributions(&self, outputs: &Outputs) -> Result<Option<CountDistributions>> {
        self.likelihood.distributions(&self.config, outputs)
    }
}
