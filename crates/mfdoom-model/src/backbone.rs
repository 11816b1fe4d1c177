//! The layers that all rows pass: attention by the plan, then a GEGLU feed-forward, both residual.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use mfdoom_nn::{
    AttentionBlock, AttentionPlan, FeedForwardBlock, Init, ParameterBuilder, geglu, layer_norm, linear,
};

use crate::attention::Attention;
use crate::config::{LayerStyle, ModelConfig};

/// Layers and final norm.
#[derive(Clone, Debug)]
pub struct Backbone {
    layers: Vec<Layer>,
    norm: Tensor,
    eps: f64,
}

#[derive(Clone, Debug)]
enum Layer {
    /// Both halves normalise what they read; each is one operation.
    Prenorm { attention: AttentionBlock, feed_forward: FeedForwardBlock },
    /// Only the queries are normalised.
    Xla { attention: Attention, proj_in: Tensor, proj_out: Tensor, eps: f64 },
}

impl Backbone {
    /// Takes so many layers from their parameters.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(p: &ParameterBuilder, config: &ModelConfig, depth: usize) -> Result<Self> {
        let layers = p.pp("layers");
        let layers = (0..depth).map(|i| Layer::build(&layers.pp(i), config)).collect::<Result<_>>()?;
        Ok(Self { layers, norm: p.get("norm.weight", config.dim, Init::ONES)?, eps: config.ln_eps })
    }

    /// Returns the gain of the final norm, `[dim]`.
    pub(crate) fn gain(&self) -> &Tensor {
        &self.norm
    }

    /// Passes the rows through all layers; `visit` sees the result of each one, and then of the final norm.
    ///
    /// # Shapes
    /// rows `[n, dim]`, result `[n, dim]`.
    ///
    /// # Errors
    /// Where shapes and plan disagree.
    pub fn forward(
        &self,
        mut x: Tensor,
        plan: &Arc<AttentionPlan>,
        mut visit: impl FnMut(&Tensor),
    ) -> Result<Tensor> {
        for layer in &self.layers {
            x = layer.forward(&x, plan)?;
            visit(&x);
        }
        let x = layer_norm(&x, &self.norm, None, self.eps)?;
        visit(&x);
        Ok(x)
    }
}

impl Layer {
    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let (d, inner, eps) = (config.dim, config.ff_inner(), config.ln_eps);
        let attention = Attention::build(&p.pp("attn"), config)?;
        let p = p.pp("ff");
        let proj_in = p.get("proj_in.weight", (2 * inner, d), Init::Linear { inputs: d })?;
        let proj_out = p.get("proj_out.weight", (d, inner), Init::Linear { inputs: inner })?;
        Ok(match config.layer_style {
            LayerStyle::Xla => Self::Xla { attention, proj_in, proj_out, eps },
            LayerStyle::Prenorm => {
                let norm = p.get("norm.weight", d, Init::ONES)?;
                let feed_forward = FeedForwardBlock { norm, proj_in, proj_out, eps };
                Self::Prenorm { attention: attention.residual(eps), feed_forward }
            }
        })
    }

    fn forward(&self, x: &Tensor, plan: &Arc<AttentionPlan>) -> Result<Tensor> {
        match self {
            Self::Prenorm { attention, feed_forward } => feed_forward.forward(&attention.forward(x, plan)?),
            Self::Xla { attention, proj_in, proj_out, eps } => {
                let queries = layer_norm(x, &attention.norm, None, *eps)?;
                let h = (x + attention.forward(&queries, x, plan)?)?;
                &h + linear(&geglu(&linear(&h, proj_in, None)?)?, proj_out, None)?
            }
        }
    }
}
