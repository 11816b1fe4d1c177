//! Neighbours: every head points where the cells near this one are.

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, layer_norm, linear};

use super::outputs::{Outputs, head, normalise, rows};
use super::{NamedTerm, Needs, Terms};
use crate::batch::PackedBatch;
use crate::config::ModelConfig;
use crate::model::Model;
use crate::scheme::{Reads, Scheme};

/// One minus the cosine between a readout of a head and the mean of the joint coordinates over the cell's nearest
/// training cells, for every head but `global`. In schemes whose blocks all read everything, also for `fusion` from a
/// subset of the modalities.
#[derive(Debug)]
pub struct Neighbours {
    readout: Readout,
}

/// A linear map of a head's vectors to coordinates.
#[derive(Clone, Debug)]
pub struct Readout {
    norm: Tensor,
    weight: Tensor,
    eps: f64,
}

impl Readout {
    /// Takes the readout from its parameters.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let p = p.pp("readout");
        let Some(anchor) = &config.anchor else {
            candle_core::bail!("neighbours are those of a closed form")
        };
        Ok(Self {
            norm: p.get("norm.weight", config.dim, Init::ONES)?,
            weight: p.get("weight", (anchor.dim, config.dim), Init::Linear { inputs: config.dim })?,
            eps: config.ln_eps,
        })
    }

    /// Returns directions of unit length, `[n, dim] -> [n, factors]`.
    ///
    /// # Errors
    /// Where shapes disagree.
    pub fn forward(&self, vectors: &Tensor) -> Result<Tensor> {
        normalise(&linear(&layer_norm(vectors, &self.norm, None, self.eps)?, &self.weight, None)?)
    }
}

impl Terms for Neighbours {
    fn check(config: &ModelConfig, _: &Scheme) -> std::result::Result<(), String> {
        match config.anchor {
            None => Err("needs the closed form, and this model has none".into()),
            Some(_) => Ok(()),
        }
    }

    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        Ok(Self { readout: Readout::build(p, config)? })
    }

    fn needs(&self, scheme: &Scheme) -> Needs {
        Needs {
            subset: scheme.parts().is_empty() && scheme.whole().is_some(),
            targets: true,
            ..Needs::default()
        }
    }

    fn readout(&self) -> Option<&Readout> {
        Some(&self.readout)
    }

    fn terms(&self, outputs: &Outputs<'_>) -> Result<Vec<NamedTerm>> {
        let (model, views) = (outputs.model, outputs.views);
        let Some(targets) = &views.targets else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        let heads = model.scheme().outputs.iter().filter(|output| output.reads != Reads::All);
        for output in heads {
            let cells = shown(model, output.reads, &outputs.present, &targets.known);
            let value = self.distance(&outputs.head(&output.name)?, targets, &cells)?;
            all.push((output.name.clone(), value));
        }
        if let Some(subset) = views.subset.as_ref().filter(|_| self.needs(model.scheme()).subset) {
            all.push(("fusion_of_subset".into(), self.subset(model, subset, targets)?));
        }
        Ok(all)
    }
}

impl Neighbours {
    fn subset(&self, model: &Model, subset: &PackedBatch, targets: &Targets) -> Result<Option<Tensor>> {
        let cells = shown(model, Reads::Block(0), &subset.present(), &targets.known);
        self.distance(&head(model, &model.forward(subset)?, "fusion")?, targets, &cells)
    }

    fn distance(&self, vectors: &Tensor, targets: &Targets, cells: &[u32]) -> Result<Option<Tensor>> {
        if cells.is_empty() {
            return Ok(None);
        }
        let ours = self.readout.forward(&rows(vectors, cells)?)?;
        let wanted = targets.directions(cells, &ours)?;
        let cosine = (ours * wanted)?.sum(1)?.mean_all()?;
        cosine.affine(-1.0, 1.0).map(Some)
    }
}

/// Where the nearest training cells of each cell of a batch are.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Directions of unit length, `[cells, factors]`.
    pub directions: Vec<f32>,
    /// Whether a cell has one, `[cells]`.
    pub known: Vec<bool>,
}

impl Targets {
    fn directions(&self, cells: &[u32], like: &Tensor) -> Result<Tensor> {
        let width = self.directions.len() / self.known.len().max(1);
        let row = |cell: &u32| self.directions[*cell as usize * width..][..width].iter().copied();
        let values: Vec<f32> = cells.iter().flat_map(row).collect();
        Tensor::from_vec(values, (cells.len(), width), like.device())?.to_dtype(like.dtype())
    }
}

/// Returns the cells with a target that show a modality which an output reads.
fn shown(model: &Model, reads: Reads, present: &[Vec<bool>], known: &[bool]) -> Vec<u32> {
    let read = |m: usize| match reads {
        Reads::Modality(own) => own == m,
        Reads::Block(block) => model.scheme().blocks[block].reads[m],
        Reads::All => true,
    };
    let any = |cell: &usize| known[*cell] && (0..present.len()).any(|m| read(m) && present[m][*cell]);
    (0..known.len()).filter(any).map(|cell| cell as u32).collect()
}
