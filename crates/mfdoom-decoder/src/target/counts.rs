//! Counts of some modalities, as counts or as logarithms of their shares.

use std::sync::Arc;

use candle_core::{Device, Result};
use mfdoom_nn::MaskedCounts;
use mfdoom_train::TrainingCells;

use super::{Targets, values_of};
use crate::likelihood::{ObservedCounts, Target};
use crate::profile::log_normalised;

/// Counts of some modalities, over all genes of the vocabulary.
#[derive(Clone, Debug)]
pub struct CountTargets {
    /// Numbers of the modalities.
    pub modalities: Vec<usize>,
    /// Whether they are learned as real values: the logarithm of their share.
    pub as_logs: bool,
}

impl Targets for CountTargets {
    fn has(&self, cells: &TrainingCells, cell: usize) -> bool {
        self.modalities.iter().any(|m| cells.tokens(*m).library_size[cell] > 0.0)
    }

    fn of(&self, cells: &TrainingCells, batch: &[usize], device: &Device) -> Result<Target> {
        match self.as_logs {
            true => values_of(self.dense(cells, batch), batch.len(), device),
            false => Ok(Target::Counts(self.observed(cells, batch))),
        }
    }

    fn dense(&self, cells: &TrainingCells, batch: &[usize]) -> Vec<f32> {
        let ObservedCounts { counts: MaskedCounts { values, observed }, library } =
            self.observed(cells, batch);
        let n = cells.vocabulary.len();
        let value = |(at, count): (usize, &f32)| match observed[at] {
            true => log_normalised(*count, library[at / n]),
            false => f32::NAN,
        };
        values.iter().enumerate().map(value).collect()
    }

    fn are_counts(&self) -> bool {
        true
    }
}

impl CountTargets {
    /// Returns the counts of some cells: a gene that was measured and has no token is zero, one that was not
    /// measured is not observed.
    pub fn observed(&self, cells: &TrainingCells, batch: &[usize]) -> ObservedCounts {
        let (n, t) = (cells.vocabulary.len(), self.modalities.len());
        let mut values = vec![0f32; batch.len() * t * n];
        let mut observed = vec![false; values.len()];
        let mut library = vec![0f32; batch.len() * t];
        for (row, &cell) in batch.iter().enumerate() {
            for (k, &m) in self.modalities.iter().enumerate() {
                let tokens = cells.tokens(m);
                let (at, size) = (row * t + k, tokens.library_size[cell]);
                if size <= 0.0 {
                    continue;
                }
                library[at] = size as f32;
                let set = cells.measured.get(cells.dataset(cell), &cells.modalities[m]);
                for gene in set.into_iter().flat_map(|set| set.iter()) {
                    observed[at * n + *gene as usize - 1] = true;
                }
                let (ids, counts) = tokens.cell(cell);
                for (id, count) in ids.iter().zip(counts) {
                    values[at * n + *id as usize - 1] = *count;
                }
            }
        }
        let (values, observed) = (Arc::from(values), Arc::from(observed));
        ObservedCounts { counts: MaskedCounts { values, observed }, library }
    }
}
