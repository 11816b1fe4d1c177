//! Attention of rows over the rows that a plan lets them read.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use mfdoom_nn::{AttentionPlan, ParameterStore, attention, linear};

use crate::config::ModelConfig;
use crate::parameters::{Init, Parameter, parameter, tensor};

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

/// Returns the parameters of the attention called `prefix`.
pub fn parameters(config: &ModelConfig, prefix: &str) -> Vec<Parameter> {
    let (d, inner) = (config.dim, config.inner());
    vec![
        parameter(format!("{prefix}.norm.weight"), [d], Init::Constant(1.0)),
        parameter(format!("{prefix}.to_q.weight"), [inner, d], Init::Linear { inputs: d }),
        parameter(format!("{prefix}.to_kv.weight"), [2 * inner, d], Init::Linear { inputs: d }),
        parameter(format!("{prefix}.to_out.weight"), [d, inner], Init::Linear { inputs: inner }),
    ]
}

impl Attention {
    /// Takes the attention called `prefix` from a store.
    ///
    /// # Errors
    /// Where a parameter is missing.
    pub fn load(store: &ParameterStore, config: &ModelConfig, prefix: &str) -> Result<Self> {
        let get = |leaf: &str| tensor(store, &format!("{prefix}.{leaf}.weight"));
        let (norm, to_q, to_kv, to_out) = (get("norm")?, get("to_q")?, get("to_kv")?, get("to_out")?);
        Ok(Self { norm, to_q, to_kv, to_out, heads: config.heads })
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
