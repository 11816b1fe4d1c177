//! Counts of cells as plain slices.

use std::sync::Arc;

/// Counts of one modality, cells back to back.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// Whether the cell was measured in this modality, `[n]`.
    pub present: &'a [bool],
    /// Library size of the cell over all features of its file, `[n]`.
    pub total: &'a [f64],
    /// Where the counts of each cell start, `[n + 1]`.
    pub offsets: &'a [usize],
    /// Ids of the features, ascending within a cell.
    pub feature: &'a [u32],
    /// Counts above 0, next to `feature`.
    pub count: &'a [f32],
}

impl<'a> Block<'a> {
    /// Returns the features and counts of a cell.
    pub fn cell(&self, cell: usize) -> (&'a [u32], &'a [f32]) {
        let range = self.offsets[cell]..self.offsets[cell + 1];
        (&self.feature[range.clone()], &self.count[range])
    }
}

/// Features that a data set measured in each modality, ascending; `None` where all were.
pub type Panel = Vec<Option<Arc<[u32]>>>;

/// The panel of each data set.
pub type Panels = Vec<Panel>;

/// Cells with the modalities of a model.
#[derive(Clone, Debug)]
pub struct AnchorCells<'a> {
    /// One block per modality.
    pub blocks: Vec<Block<'a>>,
    /// Number of each cell's data set, `[n]`.
    pub dataset: &'a [u32],
    /// Number of each cell's batch, `[n]`: the data set, or a part of it. Only a fit looks at it.
    pub batch: &'a [u32],
}

impl AnchorCells<'_> {
    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        self.dataset.len()
    }

    /// Returns whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.dataset.is_empty()
    }
}
