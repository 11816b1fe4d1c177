//! Attention of rows over the rows that a plan lets them read.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use mfdoom_nn::{AttentionBlock, AttentionPlan, Init, ParameterBuilder, attention, linear};

use crate::config::ModelConfig;

/// Projections of an attention; none has a bias.
#[derive(Clone, Debug)]
pub struct Attention {
    /// Gain of the LayerNorm before it, `[dim]`; who applies it to what is the caller's business.
    pub norm: Tensor,
    to_q: Tensor,
    to_kv: Tensor,
    to_out: Tensor,
    heads: usize,
}

impl Attention {
    /// Takes the attention from its parameters.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let (d, inner) = (config.dim, config.inner());
        Ok(Self {
            norm: p.get("norm.weight", d, Init::ONES)?,
            to_q: p.get("to_q.weight", (inner, d), Init::Linear { inputs: d })?,
            to_kv: p.get("to_kv.weight", (2 * inner, d), Init::Linear { inputs: d })?,
            to_out: p.get("to_out.weight", (d, inner), Init::Linear { inputs: inner })?,
            heads: config.heads,
        })
    }

    /// Returns the same as one operation of a residual layer whose rows read each other.
    pub(crate) fn residual(self, eps: f64) -> AttentionBlock {
        let Self { norm, to_q, to_kv, to_out, heads } = self;
        AttentionBlock { norm, to_q, to_kv, to_out, heads, eps }
    }

    /// Lets the rows of `queries` read those rows of `context` that the plan gives them.
    ///
    /// # Shapes
    /// queries `[n, dim]`, context `[rows, dim]`, result `[n, dim]`; zero where a row may read nothing.
    ///
    /// # Errors
    /// Where shapes and plan disagree.
    pub fn forward(&self, queries: &Tensor, context: &Tensor, plan: &Arc<AttentionPlan>) -> Result<Tensor> {
        let q = linear(queries, &self.to_q, None)?; //    [n, heads dim_head]
        let kv = linear(context, &self.to_kv, None)?; //  [rows, 2 heads dim_head]
        let read = attention(&q, &kv, self.heads, plan)?; // [n, heads dim_head]
        linear(&read, &self.to_out, None)
    }
}
