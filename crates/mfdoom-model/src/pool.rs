//! One vector per output: a learned query reads its rows, and is added back.

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, layer_norm};

use crate::attention::Attention;
use crate::config::ModelConfig;
use crate::scheme::Layout;

/// Queries and attention of the pooling.
#[derive(Clone, Debug)]
pub struct Pool {
    queries: Tensor,
    attention: Attention,
    eps: f64,
}

/// Fusion tokens and queries are normalised before they read, and added to what they read: they start small, so
/// that at the start an output is what was read, and not nearly the same vector for every cell.
pub(crate) const SMALL: Init = Init::Normal(0.02);

impl Pool {
    /// Takes the pooling of `outputs` outputs from its parameters.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(p: &ParameterBuilder, config: &ModelConfig, outputs: usize) -> Result<Self> {
        let p = p.pp("pool");
        let queries = p.get("queries", (outputs, config.dim), SMALL)?;
        Ok(Self { queries, attention: Attention::build(&p, config)?, eps: config.ln_eps })
    }

    /// Returns hidden states without a row.
    pub(crate) fn no_rows(&self) -> Result<Tensor> {
        self.queries.narrow(0, 0, 0)
    }

    /// Pools the final hidden states. The queries are normalised, the context is not normalised again; an
    /// output without a row to read is its bare query.
    ///
    /// # Shapes
    /// hidden `[rows, dim]`, result `[cells, outputs, dim]`.
    ///
    /// # Errors
    /// Where shapes and layout disagree.
    pub fn forward(&self, hidden: &Tensor, layout: &Layout) -> Result<Tensor> {
        let (outputs, dim) = self.queries.dims2()?;
        let shape = (layout.cells, outputs, dim);
        let raw = self.queries.broadcast_as(shape)?;
        if layout.rows() == 0 {
            return raw.contiguous();
        }
        let normed = layer_norm(&self.queries, &self.attention.norm, None, self.eps)?;
        let queries = normed.broadcast_as(shape)?.reshape((layout.cells * outputs, dim))?;
        let read = self.attention.forward(&queries, hidden, &layout.pooling()?)?;
        read.reshape(shape)? + raw
    }
}
