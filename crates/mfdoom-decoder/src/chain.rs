//! Chains of cells that follow each other: who reads whom, and the layer in which they do.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use mfdoom_model::{Attention, ModelConfig};
use mfdoom_nn::{AttentionPlan, Group, Init, ParameterBuilder, Segment, gather, layer_norm};
use serde::{Deserialize, Serialize};

/// Sizes of the causal layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainConfig {
    /// Most cells of a chain.
    pub length: usize,
}

/// A layer in which every cell of a chain reads itself and the cells before it.
#[derive(Clone, Debug)]
pub(crate) struct Causal {
    /// `[length, dim]`, by place in the chain.
    positions: Tensor,
    attention: Attention,
    eps: f64,
}

impl Causal {
    pub(crate) fn build(p: &ParameterBuilder, config: &ChainConfig, backbone: &ModelConfig) -> Result<Self> {
        Ok(Self {
            positions: p.get("positions", (config.length, backbone.dim), Init::Normal(0.02))?,
            attention: Attention::build(&p.pp("attn"), backbone)?,
            eps: backbone.ln_eps,
        })
    }

    /// Returns what the cells of chains, all of `length`, make of themselves and of the cells before them.
    ///
    /// # Shapes
    /// x `[chains x length, dim]`, chain by chain, result alike.
    pub(crate) fn forward(&self, x: &Tensor, length: usize) -> Result<Tensor> {
        let (rows, _) = x.dims2()?;
        let most = self.positions.dim(0)?;
        if length == 0 || length > most || !rows.is_multiple_of(length) {
            candle_core::bail!("{rows} cells in chains of {length}, at most {most}");
        }
        let places = (0..rows).map(|row| (row % length) as u32).collect();
        let x = (x + gather(&self.positions, &places)?)?;
        let queries = layer_norm(&x, &self.attention.norm, None, self.eps)?;
        let plan = Arc::new(causal_plan(rows / length, length)?);
        &x + self.attention.forward(&queries, &queries, &plan)?
    }
}

/// Returns who reads whom in `chains` chains of `length` cells, chain by chain: each cell itself and those before it.
///
/// # Errors
/// Never, for chains that are disjoint as these are.
pub fn causal_plan(chains: usize, length: usize) -> Result<AttentionPlan> {
    let segment = |start: usize, at: usize| Segment {
        queries: start + at..start + at + 1,
        keys: vec![start..start + at + 1],
    };
    let group =
        |chain: usize| Group { segments: (0..length).map(|at| segment(chain * length, at)).collect() };
    let rows = chains * length;
    AttentionPlan::new((0..chains).map(group).collect(), rows, rows)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use mfdoom_model::Preset;

    use super::*;

    #[test]
    fn a_cell_reads_itself_and_those_before_it() {
        let backbone = ModelConfig::preset(Preset::Tiny, vec!["spliced".into()], 5);
        let p = ParameterBuilder::fresh(1, DType::F32, &Device::Cpu);
        let layer = Causal::build(&p, &ChainConfig { length: 4 }, &backbone).unwrap();
        let n = 6 * backbone.dim;
        let values: Vec<f32> = (0..n).map(|i| ((i * 37 % 101) as f32 / 50.0) - 1.0).collect();
        let forward = |values: &[f32]| -> Vec<Vec<f32>> {
            let x = Tensor::from_slice(values, (6, backbone.dim), &Device::Cpu).unwrap();
            layer.forward(&x, 3).unwrap().to_vec2().unwrap()
        };
        let before = forward(&values);
        let mut changed = values.clone();
        changed[backbone.dim..2 * backbone.dim].iter_mut().for_each(|x| *x = 1.0 - *x);
        let after = forward(&changed);
        let differs: Vec<bool> = (0..6).map(|row| before[row] != after[row]).collect();
        assert_eq!(
            differs,
            [false, true, true, false, false, false],
            "the second cell of the first chain changed"
        );
        let five = Tensor::from_slice(&values[..5 * backbone.dim], (5, backbone.dim), &Device::Cpu).unwrap();
        assert!(layer.forward(&five, 3).is_err() && layer.forward(&five, 5).is_err());
    }
}
