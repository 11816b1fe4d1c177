//! The whole model: tokens to hidden states to one vector per output.

use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, Var};
use mfdoom_anchor::Anchor;
use mfdoom_nn::{ParameterBuilder, ParameterStore, gather};

use crate::backbone::Backbone;
use crate::batch::PackedBatch;
use crate::config::ModelConfig;
use crate::encoder::{self, Encoder};
use crate::error::TensorResult;
use crate::objective::Objectives;
use crate::pool::{Pool, SMALL};
use crate::profile::ProfileEncoder;
use crate::projection::Projection;
use crate::scheme::{Fusing, Layout, Scheme};

/// A model on its device; it shares its tensors with the store that it was loaded from.
#[derive(Clone, Debug)]
pub struct Model {
    config: ModelConfig,
    scheme: Scheme,
    encoders: Vec<Encoder>,
    profiles: Vec<Option<ProfileEncoder>>,
    /// Rows that stand for no token: those of fusion, or the one of a modality that a cell lacks.
    learned: Option<Tensor>,
    projection: Option<Projection>,
    anchor: Option<Arc<Anchor>>,
    backbone: Backbone,
    pool: Pool,
    objectives: Objectives,
}

/// Final hidden states of a batch, and where its cells lie in them.
#[derive(Clone, Debug)]
pub struct Hidden {
    /// `[rows, dim]`
    pub states: Tensor,
    /// Which rows belong to which cell, modality and block.
    pub layout: Layout,
}

impl Model {
    /// Takes a model from its parameters.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        Self::with_scheme(p, config, Scheme::of(config))
    }

    /// As [`Model::build`], with a scheme that is not in the list.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn with_scheme(p: &ParameterBuilder, config: &ModelConfig, scheme: Scheme) -> Result<Self> {
        let encoder = |m: &String| Encoder::build(p, config, m);
        let profile = |m: &String| ProfileEncoder::build(p, config, m);
        let learned = match (scheme.fusing, scheme.fusion_rows()) {
            (Fusing::Copies, _) => Some(p.get("missing.token", (1, config.dim), SMALL)?),
            (_, 0) => None,
            (_, rows) => Some(p.get("fusion.tokens", (rows, config.dim), SMALL)?),
        };
        let sums = scheme.fusing == Fusing::Sums;
        Ok(Self {
            encoders: config.modalities.iter().map(encoder).collect::<Result<_>>()?,
            profiles: config.modalities.iter().map(profile).collect::<Result<_>>()?,
            learned,
            projection: sums.then(|| Projection::build(p, config, &scheme)).transpose()?,
            anchor: config.anchor.as_ref().map(|a| a.build(p, &config.modalities)).transpose()?,
            backbone: Backbone::build(p, config, config.depth)?,
            pool: Pool::build(p, config, &scheme)?,
            objectives: Objectives::build(p, config)?,
            scheme,
            config: config.clone(),
        })
    }

    /// Takes a model from a store, whose parameters it shares.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn load(store: &ParameterStore, config: &ModelConfig) -> Result<Self> {
        Self::build(&ParameterBuilder::over(store), config)
    }

    /// Opens the weights of a trained model for use, without drawing a number; they are frozen.
    ///
    /// # Errors
    /// Incompatible: the file is damaged, its tensors are not those of the configuration, or not finite.
    pub fn open(
        weights: &Path,
        config: &ModelConfig,
        device: &Device,
    ) -> mfdoom_error::Result<(Self, ParameterStore)> {
        let open = || -> Result<(Self, ParameterStore)> {
            let p = ParameterBuilder::file(weights, DType::F32, device)?.frozen(|_| true);
            Ok((Self::build(&p, config)?, p.finish()?))
        };
        open().or_unfit(weights)
    }

    /// Returns the configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Returns the closed-form model next to the network, where there is one.
    pub fn anchor(&self) -> Option<&Arc<Anchor>> {
        self.anchor.as_ref()
    }

    /// Returns the fusion blocks and outputs.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Returns the embedding of genes of a modality, `[tokens, dim]`, by their ids.
    ///
    /// # Errors
    /// Where an id is outside the gene table.
    pub(crate) fn genes(&self, modality: usize, ids: &[u32]) -> Result<Tensor> {
        self.encoders[modality].genes(ids)
    }

    /// Returns what the objectives of the configuration compute with.
    pub fn objectives(&self) -> &Objectives {
        &self.objectives
    }

    /// Returns the pooled vectors, `[cells, outputs, dim]`, outputs in the order of the scheme.
    ///
    /// # Errors
    /// Where an id is outside the gene table or the device fails.
    pub fn forward(&self, batch: &PackedBatch) -> Result<Tensor> {
        self.pool(&self.hidden(batch)?)
    }

    /// As [`Model::forward`], without the passes of `everything-at-once` that no objective looks at: what their heads say
    /// then means nothing.
    ///
    /// # Errors
    /// Where an id is outside the gene table or the device fails.
    pub fn forward_for_objectives(&self, batch: &PackedBatch) -> Result<Tensor> {
        let layout = Layout::with(batch, &self.scheme, self.objectives.look_at_whole());
        self.pool(&self.passed(batch, layout, |_| ())?)
    }

    /// Pools hidden states into `[cells, outputs, dim]`.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn pool(&self, hidden: &Hidden) -> Result<Tensor> {
        self.pool.forward(&hidden.states, &hidden.layout)
    }

    /// Returns what the network says of each output, `[cells, outputs, k]`: pooled vectors, or coordinates where an
    /// objective trains a map to them.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn readouts(&self, pooled: &Tensor) -> Result<Tensor> {
        let Some(readout) = self.objectives.readout() else { return Ok(pooled.clone()) };
        let (cells, outputs, dim) = pooled.dims3()?;
        let read = readout.forward(&pooled.reshape((cells * outputs, dim))?)?;
        let width = read.dim(1)?;
        read.reshape((cells, outputs, width))
    }

    /// Returns the length of what [`Model::readouts`] says of an output.
    pub fn readout_width(&self) -> usize {
        let of_factors = self.objectives.readout().and(self.config.anchor.as_ref());
        of_factors.map_or(self.config.dim, |anchor| anchor.dim)
    }

    /// Returns the final hidden states.
    ///
    /// # Errors
    /// Where an id is outside the gene table or the device fails.
    pub fn hidden(&self, batch: &PackedBatch) -> Result<Hidden> {
        self.trace(batch, |_| ())
    }

    /// As [`Model::hidden`]; `visit` sees the encoded rows, the result of each layer and of the final norm.
    ///
    /// # Errors
    /// Where an id is outside the gene table or the device fails.
    pub fn trace(&self, batch: &PackedBatch, visit: impl FnMut(&Tensor)) -> Result<Hidden> {
        self.passed(batch, Layout::new(batch, &self.scheme), visit)
    }

    fn passed(&self, batch: &PackedBatch, layout: Layout, mut visit: impl FnMut(&Tensor)) -> Result<Hidden> {
        let mut x = self.encode(batch, &layout)?;
        visit(&x);
        if x.dim(0)? > 0 {
            x = self.backbone.forward(x, &layout.attention()?, visit)?;
        }
        if let Some(projection) = &self.projection {
            x = projection.forward(&x, &layout)?;
        }
        Ok(Hidden { states: x, layout })
    }

    fn encode(&self, batch: &PackedBatch, layout: &Layout) -> Result<Tensor> {
        let mut parts = Vec::new();
        for (encoder, tokens) in self.encoders.iter().zip(&batch.modalities) {
            if !tokens.ids.is_empty() {
                parts.push(encoder.forward(tokens, &self.config)?);
            }
        }
        for (encoder, tokens) in self.profiles.iter().zip(&batch.modalities) {
            if let Some(encoder) = encoder.as_ref().filter(|_| tokens.profiles.count() > 0) {
                parts.push(encoder.forward(&tokens.profiles)?);
            }
        }
        match (&self.learned, self.scheme.fusing) {
            (Some(token), Fusing::Copies) => return self.copied(parts, token, layout),
            (Some(fusion), _) => {
                let (rows, dim) = fusion.dims2()?;
                let every = fusion.broadcast_as((layout.cells, rows, dim))?;
                parts.push(every.reshape((layout.cells * rows, dim))?);
            }
            (None, _) => {}
        }
        match parts.len() {
            0 => self.no_rows(),
            1 => Ok(parts.remove(0)),
            _ => Tensor::cat(&parts, 0),
        }
    }

    /// Returns the rows of modalities, and behind them those of blocks that copy them.
    fn copied(&self, mut parts: Vec<Tensor>, token: &Tensor, layout: &Layout) -> Result<Tensor> {
        parts.push(token.clone());
        let known = Tensor::cat(&parts, 0)?;
        let rows = (0..layout.modality_rows() as u32).chain(layout.sources());
        gather(&known, &rows.collect::<Vec<u32>>().into())
    }

    /// Returns hidden states without a row.
    fn no_rows(&self) -> Result<Tensor> {
        self.backbone.gain().unsqueeze(0)?.narrow(0, 0, 0)
    }
}

/// Draws the parameters of a new model; equal seeds give equal models.
///
/// # Errors
/// Where the device has no memory left.
pub fn initialise(config: &ModelConfig, seed: u64, dtype: DType, device: &Device) -> Result<ParameterStore> {
    let p = ParameterBuilder::fresh(seed, dtype, device);
    Model::build(&p, config)?;
    p.finish()
}

/// Brings parameters into their bounds between two training steps: the log-temperatures into their range and,
/// where the configuration says so, the gene rows that `batch` uses into their ball.
///
/// # Errors
/// Where a parameter is missing.
pub fn project(store: &ParameterStore, model: &Model, batch: &PackedBatch) -> Result<()> {
    let config = &model.config;
    model.objectives.project(store, config)?;
    let Some(radius) = config.embed_max_norm else { return Ok(()) };
    for (name, tokens) in config.modalities.iter().zip(&batch.modalities) {
        project_rows(store.get(&encoder::gene_table(config, name))?, &tokens.ids, radius)?;
    }
    Ok(())
}

/// Scales the given rows that are longer than `radius` to it, with torch's margin of 1e-7.
fn project_rows(table: &Var, ids: &[u32], radius: f64) -> Result<()> {
    let mut used = ids.to_vec();
    used.sort_unstable();
    used.dedup();
    if used.is_empty() {
        return Ok(());
    }
    let n = used.len();
    let used = Tensor::from_vec(used, n, table.device())?;
    let rows = table.index_select(&used, 0)?;
    let norm = rows.sqr()?.sum_keepdim(1)?.sqrt()?; // [n, 1]
    let shrunk = (norm.affine(1.0, 1e-7)?.recip()? * radius)?;
    let factor = norm.gt(radius)?.where_cond(&shrunk, &norm.ones_like()?)?;
    let change = (rows.broadcast_mul(&factor)? - rows)?;
    table.set(&table.index_add(&used, &change, 0)?)
}
