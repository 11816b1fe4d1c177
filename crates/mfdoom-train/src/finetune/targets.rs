//! What each cell should be decoded to. What was not observed is masked, never zero.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor};
use mfdoom_artifact::Gene;
use mfdoom_model::decoder::{ObservedCounts, Target, Values, log_normalised};
use mfdoom_nn::Counts;

use crate::data::Cells;

/// Targets of all cells.
#[derive(Clone, Debug)]
pub enum Targets {
    /// Real values per gene, such as velocities.
    Values(GeneValues),
    /// Counts.
    Counts(CountTargets),
    /// Counts, as the logarithm of their share.
    LogCounts(CountTargets),
    /// Labels.
    Labels(LabelTargets),
}

/// Real values per gene of some of the cells.
#[derive(Clone, Debug, Default)]
pub struct GeneValues {
    /// The genes, [G].
    pub genes: Vec<Gene>,
    /// Row of each cell in `values`, where it has one.
    pub row: Vec<Option<u32>>,
    /// Values by row and gene; NaN where there is none.
    pub values: Vec<f32>,
}

/// Counts of some modalities, over all genes of the vocabulary.
#[derive(Clone, Debug)]
pub struct CountTargets {
    /// Numbers of the modalities.
    pub modalities: Vec<usize>,
}

/// A label of some of the cells.
#[derive(Clone, Debug)]
pub struct LabelTargets {
    /// Names of the labels.
    pub classes: Vec<String>,
    /// Number of each cell's label.
    pub label: Vec<Option<u32>>,
}

impl GeneValues {
    /// Returns the values of a cell.
    pub fn of(&self, cell: usize) -> Option<&[f32]> {
        let row = self.row[cell]? as usize;
        Some(&self.values[row * self.genes.len()..(row + 1) * self.genes.len()])
    }

    /// Keeps the genes that have a value in one of `cells`; returns how many were dropped.
    pub fn drop_unknown(&mut self, cells: &[usize]) -> usize {
        let n = self.genes.len();
        let mut known = vec![false; n];
        for values in cells.iter().filter_map(|cell| self.of(*cell)) {
            known.iter_mut().zip(values).for_each(|(known, value)| *known |= !value.is_nan());
        }
        let keep: Vec<usize> = (0..n).filter(|gene| known[*gene]).collect();
        if keep.len() < n {
            self.values = self.values.chunks(n).flat_map(|row| keep.iter().map(|gene| row[*gene])).collect();
            self.genes = keep.iter().map(|gene| self.genes[*gene].clone()).collect();
        }
        n - keep.len()
    }
}

impl LabelTargets {
    /// Reads a kept obs column; cells without a label have no target.
    pub fn from_obs(cells: &Cells, column: &str) -> Self {
        let of = |cell: usize| cells.obs(column, cell).filter(|label| !label.is_empty());
        let mut classes: Vec<String> = (0..cells.len()).filter_map(of).map(str::to_owned).collect();
        classes.sort_unstable();
        classes.dedup();
        let number = |label: &str| classes.binary_search_by(|known| known.as_str().cmp(label)).ok();
        let label = (0..cells.len()).map(|cell| Some(number(of(cell)?)? as u32)).collect();
        Self { classes, label }
    }
}

impl Targets {
    /// Whether a cell has a target.
    pub fn has(&self, cells: &Cells, cell: usize) -> bool {
        match self {
            Self::Values(values) => values.of(cell).is_some_and(|v| v.iter().any(|v| !v.is_nan())),
            Self::Counts(counts) | Self::LogCounts(counts) => {
                counts.modalities.iter().any(|m| cells.tokens(*m).library_size[cell] > 0.0)
            }
            Self::Labels(labels) => labels.label[cell].is_some(),
        }
    }

    /// Returns the target of a batch.
    ///
    /// # Errors
    /// Where the device has no memory left.
    pub fn of(&self, cells: &Cells, batch: &[usize], device: &Device) -> Result<Target> {
        match self {
            Self::Counts(counts) => Ok(Target::Counts(counts.observed(cells, batch))),
            Self::Labels(labels) => {
                Ok(Target::Labels(batch.iter().map(|cell| labels.label[*cell].unwrap_or(0)).collect()))
            }
            Self::Values(_) | Self::LogCounts(_) => {
                let mut values = self.dense(cells, batch);
                let observed: Vec<f32> = values.iter().map(|v| f32::from(!v.is_nan())).collect();
                values.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = 0.0);
                let shape = (batch.len(), values.len() / batch.len().max(1));
                let tensor = |v: Vec<f32>| Tensor::from_vec(v, shape, device)?.to_dtype(DType::F32);
                Ok(Target::Values(Values { values: tensor(values)?, observed: tensor(observed)? }))
            }
        }
    }

    /// Returns real values by cell and output, NaN where there is none; log-normalised counts for counts, and
    /// nothing for labels.
    pub fn dense(&self, cells: &Cells, batch: &[usize]) -> Vec<f32> {
        match self {
            Self::Values(values) => {
                let n = values.genes.len();
                let of = |cell: &usize| values.of(*cell).map_or_else(|| vec![f32::NAN; n], <[f32]>::to_vec);
                batch.iter().flat_map(of).collect()
            }
            Self::Counts(counts) | Self::LogCounts(counts) => {
                let ObservedCounts { counts: Counts { values, observed }, library } =
                    counts.observed(cells, batch);
                let n = cells.vocabulary.len();
                let value = |(at, count): (usize, &f32)| match observed[at] {
                    true => log_normalised(*count, library[at / n]),
                    false => f32::NAN,
                };
                values.iter().enumerate().map(value).collect()
            }
            Self::Labels(_) => Vec::new(),
        }
    }
}

impl CountTargets {
    /// Returns the counts of some cells: a gene that was measured and has no token is zero, one that was not
    /// measured is not observed.
    pub fn observed(&self, cells: &Cells, batch: &[usize]) -> ObservedCounts {
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
        ObservedCounts { counts: Counts { values, observed }, library }
    }
}
