//! Invariance: fusion from some of the modalities, and `global`, should be the fusion from all of them.

use candle_core::{Result, Tensor};

use super::{Outputs, normalise, rows};
use crate::batch::PackedBatch;

/// Returns the normalised squared distance to `fusion` of each further block, of `fusion` computed from
/// `subset` where one is given, and of `global`.
///
/// A block takes part with the cells that have a modality which it reads.
pub(super) fn terms(
    outputs: &Outputs<'_>,
    subset: Option<&PackedBatch>,
) -> Result<Vec<(String, Option<Tensor>)>> {
    let scheme = outputs.model.scheme();
    let cells = outputs.pooled.dim(0)?;
    let fusion = outputs.head("fusion")?;
    let has_any = |reads: &[bool], present: &[Vec<bool>], cell: usize| {
        reads.iter().zip(present).any(|(read, present)| *read && present[cell])
    };
    let select = |reads: &[bool], present: &[Vec<bool>]| -> Vec<u32> {
        (0..cells).filter(|c| has_any(reads, present, *c)).map(|c| c as u32).collect()
    };
    let mut all = Vec::new();
    for block in &scheme.blocks[1..] {
        let cells = select(&block.reads, outputs.present);
        all.push((block.name.clone(), distance(&outputs.head(&block.name)?, &fusion, &cells)?));
    }
    if let Some(subset) = subset.filter(|_| scheme.blocks.len() == 1) {
        let row = scheme.output("fusion").unwrap_or_default();
        let partial = outputs.model.forward(subset)?.narrow(1, row, 1)?.squeeze(1)?.contiguous()?;
        let cells = select(&scheme.blocks[0].reads, &subset.present());
        all.push(("fusion_of_subset".into(), distance(&partial, &fusion, &cells)?));
    }
    let cells = select(&scheme.blocks[0].reads, outputs.present);
    all.push(("global".into(), distance(&outputs.head("global")?, &fusion, &cells)?));
    Ok(all)
}

/// Mean over the given cells of `|a/|a| - b/|b||^2`; `None` without a cell.
fn distance(a: &Tensor, b: &Tensor, cells: &[u32]) -> Result<Option<Tensor>> {
    if cells.is_empty() {
        return Ok(None);
    }
    let difference = (normalise(&rows(a, cells)?)? - normalise(&rows(b, cells)?)?)?;
    difference.sqr()?.sum(1)?.mean_all().map(Some)
}
