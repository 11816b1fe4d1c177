//! One vector per output: a learned query reads its rows, and is added back.

use candle_core::{Result, Tensor};
use mfdoom_nn::{ParameterStore, layer_norm};

use crate::attention::{self, Attention};
use crate::config::ModelConfig;
use crate::parameters::{Init, Parameter, parameter, tensor};
use crate::scheme::{Layout, Scheme};

/// Queries and attention of the pooling.
#[derive(Clone, Debug)]
pub struct Pool {
    queries: Tensor,
    attention: Attention,
    eps: f64,
}

/// Fusion tokens and queries are normalised before they read, and added to what they read: they start small, so
/// that at the start an output is what was read, and not nearly the same vector for every cell.
const SMALL: Init = Init::Normal(0.02);

/// Returns the parameters of fusion tokens and pooling, whose rows follow the scheme.
pub fn parameters(config: &ModelConfig) -> Vec<Parameter> {
    let scheme = Scheme::of(config);
    let mut all = Vec::new();
    if scheme.fusion_rows() > 0 {
        all.push(parameter("fusion.tokens", [scheme.fusion_rows(), config.dim], SMALL));
    }
    all.push(parameter("pool.queries", [scheme.outputs.len(), config.dim], SMALL));
    all.extend(attention::parameters(config, "pool"));
    all
}

impl Pool {
    /// Takes the pooling from a store.
    ///
    /// # Errors
    /// Where a parameter is missing.
    pub fn load(store: &ParameterStore, config: &ModelConfig) -> Result<Self> {
        let attention = Attention::load(store, config, "pool")?;
        Ok(Self { queries: tensor(store, "pool.queries")?, attention, eps: config.ln_eps })
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
