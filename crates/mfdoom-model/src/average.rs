//! Pooling of Everything At Once (arXiv 2112.04446, section 3.2): means of the rows of each modality, projected and gated.
//!
//! ```text
//! y    = W_m mean(rows of modality m) + b_m
//! u_m  = unit(y * sigmoid(V_m y + c_m))
//! output = mean of u_m over the modalities m that it reads and the cell has
//! ```

use std::sync::Arc;

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, SparseRows, linear, sparse_product};

use crate::config::ModelConfig;
use crate::objective::normalise;
use crate::scheme::{Layout, Output, Reads, Scheme};

/// Gated projections of all modalities.
#[derive(Clone, Debug)]
pub struct Average {
    gates: Vec<Gate>,
    outputs: Vec<Output>,
    /// For each output the modalities that it reads.
    members: Vec<Vec<usize>>,
}

/// A linear map, times the sigmoid of a linear map of its result.
#[derive(Clone, Debug)]
struct Gate {
    project: (Tensor, Tensor),
    gate: (Tensor, Tensor),
}

impl Average {
    /// Takes the projections from their parameters.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub(crate) fn build(p: &ParameterBuilder, config: &ModelConfig, scheme: &Scheme) -> Result<Self> {
        let d = config.dim;
        let map = |p: ParameterBuilder| -> Result<(Tensor, Tensor)> {
            let init = Init::Linear { inputs: d };
            Ok((p.get("weight", (d, d), init)?, p.get("bias", d, init)?))
        };
        let gate = |name: &String| {
            let p = p.pp(name);
            Ok(Gate { project: map(p.pp("project"))?, gate: map(p.pp("gate"))? })
        };
        let members = |output: &Output| match output.reads {
            Reads::Modality(m) => vec![m],
            Reads::Block(k) => scheme.blocks[k].members().collect(),
            Reads::All => Vec::new(),
        };
        Ok(Self {
            gates: config.modalities.iter().map(gate).collect::<Result<_>>()?,
            members: scheme.outputs.iter().map(members).collect(),
            outputs: scheme.outputs.clone(),
        })
    }

    /// Returns one vector for each output, `[rows, dim]` to `[cells, outputs, dim]`.
    pub(crate) fn forward(&self, hidden: &Tensor, layout: &Layout) -> Result<Tensor> {
        let (cells, dim) = (layout.cells, hidden.dim(1)?);
        let units = (0..self.gates.len()).map(|m| self.units(hidden, layout, m));
        let units = units.collect::<Result<Vec<Tensor>>>()?; // [cells, outputs that read m, dim]
        let mut seen = vec![0; self.gates.len()];
        let mut pooled = Vec::with_capacity(self.outputs.len());
        for members in &self.members {
            let mut sum = Tensor::zeros((cells, dim), hidden.dtype(), hidden.device())?;
            for m in members {
                let unit = units[*m].narrow(1, seen[*m], 1)?.squeeze(1)?;
                seen[*m] += 1;
                let share = (0..cells).map(|cell| share(layout, cell, members, *m)).collect::<Vec<f64>>();
                let share = Tensor::from_vec(share, (cells, 1), hidden.device())?.to_dtype(hidden.dtype())?;
                sum = (sum + unit.broadcast_mul(&share)?)?;
            }
            pooled.push(sum);
        }
        Tensor::stack(&pooled, 1)
    }

    /// Returns the unit vectors of a modality in all outputs that read it.
    fn units(&self, hidden: &Tensor, layout: &Layout, m: usize) -> Result<Tensor> {
        let reading: Vec<Reads> = self
            .outputs
            .iter()
            .zip(&self.members)
            .filter(|(_, members)| members.contains(&m))
            .map(|(output, _)| output.reads)
            .collect();
        let mut rows = SparseRows::default();
        for cell in 0..layout.cells {
            for reads in &reading {
                let averaged = layout.averaged(cell, *reads, m).unwrap_or_default();
                let n: usize = averaged.iter().map(ExactSizeIterator::len).sum();
                let weight = 1.0 / n.max(1) as f32;
                rows.push(averaged.into_iter().flatten().map(|row| (row as u32, weight)));
            }
        }
        let gate = &self.gates[m];
        let mean = sparse_product(&Arc::new(rows), hidden)?;
        let y = linear(&mean, &gate.project.0, Some(&gate.project.1))?;
        let open = sigmoid(&linear(&y, &gate.gate.0, Some(&gate.gate.1))?)?;
        normalise(&(y * open)?)?.reshape((layout.cells, reading.len(), hidden.dim(1)?))
    }
}

/// Returns the weight of a modality in the mean over those that a cell has, or over all where it has none of them.
fn share(layout: &Layout, cell: usize, members: &[usize], m: usize) -> f64 {
    match members.iter().filter(|m| layout.has(cell, **m)).count() {
        0 => 1.0 / members.len() as f64,
        n if layout.has(cell, m) => 1.0 / n as f64,
        _ => 0.0,
    }
}

fn sigmoid(x: &Tensor) -> Result<Tensor> {
    (x.neg()?.exp()? + 1.0)?.recip()
}
