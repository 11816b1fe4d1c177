//! What the objectives of a batch compute with.

use candle_core::{Result, Tensor};

use super::BatchViews;
use crate::config::ModelConfig;
use crate::model::Model;

/// A model, the views of a batch, and the pooled vectors of what was shown.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// The model.
    pub model: &'a Model,
    /// `[cells, outputs, dim]`
    pub pooled: &'a Tensor,
    /// Whether a cell shows a modality, `[modality][cell]`.
    pub present: Vec<Vec<bool>>,
    /// Everything that is known of the cells.
    pub views: &'a BatchViews,
}

impl<'a> Outputs<'a> {
    /// Gathers what the objectives of a batch compute with.
    pub fn new(model: &'a Model, pooled: &'a Tensor, views: &'a BatchViews) -> Self {
        Self { model, pooled, present: views.shown.present(), views }
    }

    /// Returns the configuration of the model.
    pub fn config(&self) -> &ModelConfig {
        self.model.config()
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.views.shown.cells
    }

    /// Returns the vectors of a head, `[cells, dim]`.
    ///
    /// # Errors
    /// The model has no such head.
    pub fn head(&self, name: &str) -> Result<Tensor> {
        head(self.model, self.pooled, name)
    }
}

/// Returns the vectors of a head, `[cells, dim]`, of pooled vectors `[cells, outputs, dim]`.
pub(super) fn head(model: &Model, pooled: &Tensor, name: &str) -> Result<Tensor> {
    match model.scheme().output(name) {
        Some(row) => pooled.narrow(1, row, 1)?.squeeze(1)?.contiguous(),
        None => candle_core::bail!("the model has no output '{name}'"),
    }
}

/// Divides each row by its length, `[n, dim]`; a row of zeros stays, and has a gradient of zero.
pub(crate) fn normalise(x: &Tensor) -> Result<Tensor> {
    let length = x.sqr()?.sum_keepdim(1)?.maximum(1e-24)?.sqrt()?;
    x.broadcast_div(&length)
}

/// Returns the given rows of `x`, or `x` itself where all are wanted.
pub(super) fn rows(x: &Tensor, rows: &[u32]) -> Result<Tensor> {
    if rows.len() == x.dim(0)? {
        return Ok(x.clone());
    }
    x.index_select(&Tensor::new(rows, x.device())?, 0)
}
