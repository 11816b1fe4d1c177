//! What the profile path sees of cells: the log-normalised counts of all their genes.

use std::sync::Arc;

use mfdoom_model::Shown;
use mfdoom_nn::SparseRows;

/// Counts are scaled to this total before the logarithm.
pub const TARGET_SUM: f32 = 1e4;

/// Returns `ln(1 + 1e4 count / library size)`.
pub fn log_normalised(count: f32, library_size: f32) -> f32 {
    (TARGET_SUM * count / library_size.max(1.0)).ln_1p()
}

/// Profiles of some cells, one entry per modality of the backbone, in its order.
#[derive(Clone, Debug, Default)]
pub struct ProfileBatch {
    /// Number of cells.
    pub cells: usize,
    /// Profiles by modality.
    pub modalities: Vec<ModalityProfile>,
}

/// Profiles in one modality.
#[derive(Clone, Debug, Default)]
pub struct ModalityProfile {
    /// Values by cell and gene; no entry where the modality is not there.
    pub(crate) values: SparseRows,
    /// Which of the sets of measured genes holds for a cell; none where the modality is not there.
    pub(crate) set: Vec<Option<u32>>,
    /// Measured genes, as ids of the vocabulary.
    pub(crate) sets: Vec<Arc<[u32]>>,
}

impl ModalityProfile {
    /// Appends a cell by its values. `measured` are the genes that the cell's data set measured: what is not
    /// among them is unknown, and counts as the mean. A gene that is measured and yet hidden takes its mean as
    /// value.
    pub fn push(&mut self, values: impl IntoIterator<Item = (u32, f32)>, measured: &Arc<[u32]>) {
        let known = self.sets.iter().position(|set| Arc::ptr_eq(set, measured) || set == measured);
        let set = known.unwrap_or_else(|| {
            self.sets.push(measured.clone());
            self.sets.len() - 1
        });
        self.values.push(values);
        self.set.push(Some(set as u32));
    }

    /// Appends a cell without this modality.
    pub fn push_absent(&mut self) {
        self.values.push([]);
        self.set.push(None);
    }
}

impl ProfileBatch {
    /// Returns the profiles of no cell.
    pub fn new(modalities: usize) -> Self {
        Self { cells: 0, modalities: vec![ModalityProfile::default(); modalities] }
    }

    /// Appends a cell by all its tokens of each modality and the genes that its data set measured there; nothing where
    /// the modality is not there.
    pub fn push_cell<'a>(&mut self, of: impl Fn(usize) -> Option<(Shown<'a>, &'a Arc<[u32]>)>) {
        for (m, to) in self.modalities.iter_mut().enumerate() {
            match of(m) {
                None => to.push_absent(),
                Some((cell, measured)) => {
                    let size = cell.library_size;
                    let values = cell.ids.iter().zip(cell.counts);
                    to.push(values.map(|(id, count)| (*id, log_normalised(*count, size))), measured);
                }
            }
        }
        self.cells += 1;
    }
}
