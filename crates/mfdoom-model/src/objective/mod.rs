//! Objectives: each returns its terms by name, so that none hides in a sum.

mod contrastive;
mod invariance;

use candle_core::{Result, Tensor};
pub use contrastive::pairs;
use mfdoom_nn::{Init, ParameterBuilder};

use crate::batch::PackedBatch;
use crate::config::{ModelConfig, Objective, Reduction, Temperature};
use crate::model::Model;

/// A loss and the terms that it consists of.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Weighted sum of the objectives, a scalar.
    pub total: Tensor,
    /// Every term by objective and name.
    pub terms: Vec<Term>,
}

/// One term of an objective.
#[derive(Clone, Debug)]
pub struct Term {
    /// The objective.
    pub objective: Objective,
    /// What it compares, for example `spliced|unspliced`.
    pub name: String,
    /// A scalar; `None` where no cell of the batch could be compared.
    pub value: Option<Tensor>,
}

/// Parameters of the objectives.
#[derive(Clone, Debug)]
pub struct Objectives {
    logit_scale: Tensor,
}

impl Objectives {
    /// Takes the parameters of the objectives of a configuration.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let shape = match config.contrastive.temperature {
            Temperature::Shared => vec![],
            Temperature::PerPair => vec![pairs(config).len()],
        };
        let start = Init::Constant((1.0f64 / 0.07).ln());
        Ok(Self { logit_scale: p.get("loss.logit_scale", shape, start)? })
    }
}

/// What the objectives of a batch need to know.
pub(crate) struct Outputs<'a> {
    pub model: &'a Model,
    /// `[cells, outputs, dim]`
    pub pooled: &'a Tensor,
    /// `[modality][cell]`
    pub present: &'a [Vec<bool>],
}

impl Outputs<'_> {
    /// Returns the vectors of a head, `[cells, dim]`.
    pub fn head(&self, name: &str) -> Result<Tensor> {
        match self.model.scheme().output(name) {
            Some(row) => self.pooled.narrow(1, row, 1)?.squeeze(1)?.contiguous(),
            None => candle_core::bail!("the model has no output '{name}'"),
        }
    }

    pub fn config(&self) -> &ModelConfig {
        self.model.config()
    }
}

/// Computes the loss of a batch.
///
/// `subset` is the batch with fewer modalities, for schemes whose blocks all read every modality: there
/// `invariance` compares the fusion of both. Other schemes and objectives do not use it.
///
/// # Errors
/// Where the device fails.
pub fn loss(model: &Model, batch: &PackedBatch, subset: Option<&PackedBatch>) -> Result<Loss> {
    let pooled = model.forward(batch)?;
    loss_of(model, &pooled, batch, subset)
}

/// As [`loss`], from pooled vectors that are there already.
///
/// # Errors
/// Where the device fails.
pub fn loss_of(
    model: &Model,
    pooled: &Tensor,
    batch: &PackedBatch,
    subset: Option<&PackedBatch>,
) -> Result<Loss> {
    let present = batch.present();
    let outputs = Outputs { model, pooled, present: &present };
    let config = model.config();
    let mut total = pooled.zeros_like()?.sum_all()?;
    let mut all = Vec::new();
    for (&objective, &weight) in config.objectives.iter().filter(|(_, weight)| **weight > 0.0) {
        let terms = match objective {
            Objective::Contrastive => contrastive::terms(&outputs, &model.objectives().logit_scale)?,
            Objective::Invariance => invariance::terms(&outputs, subset)?,
        };
        let valid: Vec<&Tensor> = terms.iter().filter_map(|(_, value)| value.as_ref()).collect();
        if !valid.is_empty() {
            let sum = Tensor::stack(&valid, 0)?.sum_all()?;
            let count = match config.contrastive.reduction {
                Reduction::Mean => valid.len() as f64,
                Reduction::Sum => 1.0,
            };
            total = (total + (sum * (weight / count))?)?;
        }
        all.extend(terms.into_iter().map(|(name, value)| Term { objective, name, value }));
    }
    Ok(Loss { total, terms: all })
}

/// Divides each row by its length, `[n, dim]`.
pub(crate) fn normalise(x: &Tensor) -> Result<Tensor> {
    let length = x.sqr()?.sum_keepdim(1)?.sqrt()?.maximum(1e-12)?;
    x.broadcast_div(&length)
}

/// Returns the given rows of `x`, or `x` itself where all are wanted.
pub(crate) fn rows(x: &Tensor, rows: &[u32]) -> Result<Tensor> {
    if rows.len() == x.dim(0)? {
        return Ok(x.clone());
    }
    x.index_select(&Tensor::new(rows, x.device())?, 0)
}
