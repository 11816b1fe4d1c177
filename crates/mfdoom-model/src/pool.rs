//! One vector per output.

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, layer_norm};

use crate::attention::Attention;
use crate::average::Average;
use crate::config::ModelConfig;
use crate::scheme::{Fusing, Layout, Scheme};

/// How rows become one vector per output.
#[derive(Clone, Debug)]
pub enum Pool {
    /// A learned query reads its rows, and is added back.
    Queries(Queries),
    /// Gated means of the rows of each modality.
    Average(Average),
}

/// Queries and attention of the pooling.
#[derive(Clone, Debug)]
pub struct Queries {
    queries: Tensor,
    attention: Attention,
    eps: f64,
}

/// Fusion tokens and queries are normalised before they read, and added to what they read: they start small, so
/// that at the start an output is what was read, and not nearly the same vector for every cell.
pub(crate) const SMALL: Init = Init::Normal(0.02);

impl Pool {
    /// Takes the pooling of a scheme's outputs from its parameters.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(p: &ParameterBuilder, config: &ModelConfig, scheme: &Scheme) -> Result<Self> {
        let p = p.pp("pool");
        if scheme.fusing == Fusing::Copies {
            return Average::build(&p, config, scheme).map(Self::Average);
        }
        let queries = p.get("queries", (scheme.outputs.len(), config.dim), SMALL)?;
        let attention = Attention::build(&p, config)?;
        Ok(Self::Queries(Queries { queries, attention, eps: config.ln_eps }))
    }

    /// Pools the final hidden states.
    ///
    /// # Shapes
    /// hidden `[rows, dim]`, result `[cells, outputs, dim]`.
    ///
    /// # Errors
    /// Where shapes and layout disagree.
    pub fn forward(&self, hidden: &Tensor, layout: &Layout) -> Result<Tensor> {
        match self {
            Self::Queries(queries) => queries.forward(hidden, layout),
            Self::Average(average) => average.forward(hidden, layout),
        }
    }
}

impl Queries {
    /// The queries are normalised, the context is not normalised again; an output without a row to read is its bare
    /// query.
    fn forward(&self, hidden: &Tensor, layout: &Layout) -> Result<Tensor> {
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
