//! Feature projection: the tokens of each modality are put into a few common places, and the places of the modalities
//! that are there are summed (Zhang et al., arXiv 2306.12795, section 3.1).
//!
//! ```text
//! share[t, k] = softmax over k of (W_m f_t + b_m)        tokens to places
//! place_m[k]  = sum over the tokens t of m of share[t, k] f_t
//! block[k]    = sum over the modalities m that it reads and the cell has of place_m[k]
//! ```

use std::sync::Arc;

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, SparseRows, linear, log_softmax, sparse_product};

use crate::backbone::Backbone;
use crate::config::ModelConfig;
use crate::scheme::{Block, Layout, Reads, Scheme};

/// Weights of the places of each modality, and the layers behind them: half as many as before them, rounded up.
#[derive(Clone, Debug)]
pub(crate) struct Projection {
    /// `[places, dim]` and `[places]` of each modality.
    places: Vec<(Tensor, Tensor)>,
    layers: Backbone,
    scheme: Scheme,
}

impl Projection {
    /// Takes the projection from its parameters.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(p: &ParameterBuilder, config: &ModelConfig, scheme: &Scheme) -> Result<Self> {
        let p = p.pp("projection");
        let (k, d) = (config.fusion_tokens, config.dim);
        let places = |name: &String| {
            let (p, init) = (p.pp(name), Init::Linear { inputs: d });
            Ok((p.get("weight", (k, d), init)?, p.get("bias", k, init)?))
        };
        Ok(Self {
            places: config.modalities.iter().map(places).collect::<Result<_>>()?,
            layers: Backbone::build(&p, config, config.depth.div_ceil(2))?,
            scheme: scheme.clone(),
        })
    }

    /// Returns the rows of the modalities with those of the blocks behind them.
    ///
    /// # Shapes
    /// states `[modality rows, dim]`, result `[rows, dim]`.
    ///
    /// # Errors
    /// Where shapes and layout disagree.
    pub fn forward(&self, states: &Tensor, layout: &Layout) -> Result<Tensor> {
        let (cells, dim) = (layout.cells, states.dim(1)?);
        if cells == 0 {
            return Ok(states.clone());
        }
        let placed = (0..self.places.len()).map(|m| self.placed(states, layout, m));
        let placed = placed.collect::<Result<Vec<Tensor>>>()?;
        let block = |block: &Block| {
            let mut members = block.members().map(|m| placed[m].clone());
            let first =
                members.next().map_or_else(|| candle_core::bail!("a block that reads nothing"), Ok)?;
            members.try_fold(first, |sum, next| sum + next)
        };
        let blocks = self.scheme.blocks.iter().map(block).collect::<Result<Vec<Tensor>>>()?;
        let rows = Tensor::stack(&blocks, 1)?.reshape((layout.rows() - layout.modality_rows(), dim))?;
        let read = self.layers.forward(rows, &layout.among_sums()?, |_| ())?;
        Tensor::cat(&[states, &read], 0)
    }

    /// Returns what a modality puts into each place, `[cells, places, dim]`; zeros where a cell lacks it.
    fn placed(&self, states: &Tensor, layout: &Layout, m: usize) -> Result<Tensor> {
        let (weight, bias) = &self.places[m];
        let (places, dim) = weight.dims2()?;
        let mut rows = Vec::new();
        let mut of_cells = SparseRows::default();
        for cell in 0..layout.cells {
            let own: Vec<u32> =
                layout.reads(cell, Reads::Modality(m)).into_iter().flatten().map(|row| row as u32).collect();
            of_cells.push((rows.len() as u32..(rows.len() + own.len()) as u32).map(|column| (column, 1.0)));
            rows.extend(own);
        }
        if rows.is_empty() {
            return Tensor::zeros((layout.cells, places, dim), states.dtype(), states.device());
        }
        let (own, of_cells) = (mfdoom_nn::gather(states, &rows.into())?, Arc::new(of_cells));
        let shares = log_softmax(&linear(&own, weight, Some(bias))?)?.exp()?; // [tokens, places]
        let place = |k: usize| sparse_product(&of_cells, &own.broadcast_mul(&shares.narrow(1, k, 1)?)?);
        let placed = (0..places).map(place).collect::<Result<Vec<Tensor>>>()?;
        Tensor::stack(&placed, 1)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::batch::PackedBatch;
    use crate::config::Preset;
    use crate::scheme::Fusion;

    #[test]
    fn tokens_are_spread_over_places_and_places_are_summed() {
        let preset = ModelConfig::preset(Preset::Tiny, vec!["a".into(), "b".into()], 3);
        let config = ModelConfig { dim: 2, fusion_tokens: 2, fusion: Fusion::Projection, ..preset };
        let p = ParameterBuilder::fresh(1, DType::F64, &Device::Cpu);
        let mut projection = Projection::build(&p, &config, &Scheme::of(&config)).unwrap();
        // shares: of (1, x) 3/4 and 1/4, of (0, x) a half each
        let weight = Tensor::new(&[[3f64.ln(), 0.0], [0.0, 0.0]], &Device::Cpu).unwrap();
        let bias = Tensor::new(&[0f64, 0.0], &Device::Cpu).unwrap();
        projection.places = vec![(weight.clone(), bias.clone()), (weight, bias)];
        let mut batch = PackedBatch::new(2);
        batch.cells = 2;
        batch.modalities[0].push(&[1, 2], &[1.0, 1.0], 2.0);
        batch.modalities[0].push(&[], &[], 0.0);
        batch.modalities[1].push(&[1], &[1.0], 1.0);
        batch.modalities[1].push(&[3], &[1.0], 1.0);
        let layout = Layout::new(&batch, &Scheme::of(&config));
        let states = [[1f64, 4.0], [0.0, 2.0], [0.0, 6.0], [1.0, 0.0]];
        let states = Tensor::new(&states, &Device::Cpu).unwrap();
        let places = |m: usize| projection.placed(&states, &layout, m).unwrap().to_vec3::<f64>().unwrap();
        let near = |found: &[Vec<f64>], wanted: [[f64; 2]; 2]| {
            let pairs = found.iter().flatten().zip(wanted.as_flattened());
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        };
        near(&places(0)[0], [[0.75, 3.0 + 1.0], [0.25, 1.0 + 1.0]]);
        near(&places(0)[1], [[0.0, 0.0], [0.0, 0.0]]);
        near(&places(1)[1], [[0.75, 0.0], [0.25, 0.0]]);
        // rows behind the four tokens: all, a, b of cell 0, then of cell 1
        let rows = projection.forward(&states, &layout).unwrap();
        assert_eq!(rows.dims(), [4 + 2 * 3 * 2, 2]);
    }
}
