//! The layers that all rows pass: attention by the plan, then a GEGLU feed-forward, both residual.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use mfdoom_nn::{AttentionPlan, ParameterStore, geglu, layer_norm, linear};

use crate::attention::{self, Attention};
use crate::config::{LayerStyle, ModelConfig};
use crate::parameters::{Init, Parameter, parameter, tensor};

/// Layers and final norm.
#[derive(Clone, Debug)]
pub struct Backbone {
    layers: Vec<Layer>,
    norm: Tensor,
    eps: f64,
}

#[derive(Clone, Debug)]
struct Layer {
    attention: Attention,
    feed_forward: FeedForward,
    style: LayerStyle,
    eps: f64,
}

#[derive(Clone, Debug)]
struct FeedForward {
    norm: Option<Tensor>,
    proj_in: Tensor,
    proj_out: Tensor,
    eps: f64,
}

/// Returns the parameters of fusion tokens, layers and final norm.
pub fn parameters(config: &ModelConfig) -> Vec<Parameter> {
    let (d, inner) = (config.dim, config.ff_inner());
    let mut all = Vec::new();
    for i in 0..config.depth {
        all.extend(attention::parameters(config, &format!("layers.{i}.attn")));
        if config.layer_style == LayerStyle::Prenorm {
            all.push(parameter(format!("layers.{i}.ff.norm.weight"), [d], Init::Constant(1.0)));
        }
        let name = |leaf: &str| format!("layers.{i}.ff.{leaf}.weight");
        all.push(parameter(name("proj_in"), [2 * inner, d], Init::Linear { inputs: d }));
        all.push(parameter(name("proj_out"), [d, inner], Init::Linear { inputs: inner }));
    }
    all.push(parameter("norm.weight", [d], Init::Constant(1.0)));
    all
}

impl Backbone {
    /// Takes the layers from a store.
    ///
    /// # Errors
    /// Where a parameter is missing.
    pub fn load(store: &ParameterStore, config: &ModelConfig) -> Result<Self> {
        let layers = (0..config.depth).map(|i| Layer::load(store, config, i)).collect::<Result<_>>()?;
        Ok(Self { layers, norm: tensor(store, "norm.weight")?, eps: config.ln_eps })
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
    fn load(store: &ParameterStore, config: &ModelConfig, i: usize) -> Result<Self> {
        Ok(Self {
            attention: Attention::load(store, config, &format!("layers.{i}.attn"))?,
            feed_forward: FeedForward::load(store, config, i)?,
            style: config.layer_style,
            eps: config.ln_eps,
        })
    }

    fn forward(&self, x: &Tensor, plan: &Arc<AttentionPlan>) -> Result<Tensor> {
        let normed = layer_norm(x, &self.attention.norm, None, self.eps)?;
        let context = match self.style {
            LayerStyle::Prenorm => &normed,
            LayerStyle::Xla => x,
        };
        let h = (x + self.attention.forward(&normed, context, plan)?)?;
        &h + self.feed_forward.forward(&h)?
    }
}

impl FeedForward {
    fn load(store: &ParameterStore, config: &ModelConfig, i: usize) -> Result<Self> {
        let get = |leaf: &str| tensor(store, &format!("layers.{i}.ff.{leaf}.weight"));
        let norm = match config.layer_style {
            LayerStyle::Prenorm => Some(get("norm")?),
            LayerStyle::Xla => None,
        };
        Ok(Self { norm, proj_in: get("proj_in")?, proj_out: get("proj_out")?, eps: config.ln_eps })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let normed = match &self.norm {
            Some(gain) => &layer_norm(x, gain, None, self.eps)?,
            None => x,
        };
        let h = linear(normed, &self.proj_in, None)?; // [n, 2 inner]
        linear(&geglu(&h)?, &self.proj_out, None)
    }
}
