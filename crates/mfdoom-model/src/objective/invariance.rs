//! Invariance: fusion from some of the modalities, and `global`, should be the fusion from all of them.

use candle_core::{Result, Tensor};
use mfdoom_nn::ParameterBuilder;

use super::outputs::{Outputs, head, normalise, rows};
use super::{NamedTerm, Needs, Terms};
use crate::config::ModelConfig;
use crate::scheme::{Block, Scheme};

/// Head that reads every row, where there is one.
const GLOBAL: &str = "global";

/// Normalised squared distance to `fusion` of each block that leaves modalities out, and of `global`. In schemes
/// without such a block, of `fusion` computed from a subset of the modalities.
#[derive(Debug)]
pub struct Invariance;

impl Terms for Invariance {
    fn check(_: &ModelConfig, scheme: &Scheme) -> std::result::Result<(), String> {
        match scheme.whole() {
            Some(_) => Ok(()),
            None => Err("needs fusion tokens, and this scheme has none".into()),
        }
    }

    fn build(_: &ParameterBuilder, _: &ModelConfig) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, scheme: &Scheme) -> Needs {
        Needs { subset: scheme.parts().is_empty(), ..Needs::default() }
    }

    fn terms(&self, outputs: &Outputs<'_>) -> Result<Vec<NamedTerm>> {
        let (model, scheme) = (outputs.model, outputs.model.scheme());
        let Some(whole) = scheme.whole() else { return Ok(Vec::new()) };
        let fusion = outputs.head(&whole.name)?;
        let mut all = Vec::new();
        for block in scheme.parts() {
            let cells = readable(block, &outputs.present);
            all.push((block.name.clone(), distance(&outputs.head(&block.name)?, &fusion, &cells)?));
        }
        if let Some(subset) = outputs.views.subset.as_ref().filter(|_| self.needs(scheme).subset) {
            let partial = head(model, &model.forward(subset)?, &whole.name)?;
            let cells = readable(whole, &subset.present());
            all.push(("fusion_of_subset".into(), distance(&partial, &fusion, &cells)?));
        }
        if scheme.output(GLOBAL).is_some() {
            let cells = readable(whole, &outputs.present);
            all.push((GLOBAL.into(), distance(&outputs.head(GLOBAL)?, &fusion, &cells)?));
        }
        Ok(all)
    }
}

/// Returns the cells that show a modality which the block reads; `present` is `[modality][cell]`.
fn readable(block: &Block, present: &[Vec<bool>]) -> Vec<u32> {
    let cells = present.first().map_or(0, Vec::len);
    let any = |cell: &usize| block.reads.iter().zip(present).any(|(reads, present)| *reads && present[*cell]);
    (0..cells).filter(any).map(|cell| cell as u32).collect()
}

/// Mean over the given cells of `|a/|a| - b/|b||^2`; `None` without a cell.
fn distance(a: &Tensor, b: &Tensor, cells: &[u32]) -> Result<Option<Tensor>> {
    if cells.is_empty() {
        return Ok(None);
    }
    let difference = (normalise(&rows(a, cells)?)? - normalise(&rows(b, cells)?)?)?;
    difference.sqr()?.sum(1)?.mean_all().map(Some)
}
