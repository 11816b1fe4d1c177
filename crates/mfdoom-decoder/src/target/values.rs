//! Real values per gene, such as velocities.

use candle_core::{Device, Result};
use mfdoom_artifact::Gene;
use mfdoom_train::TrainingCells;

use super::{Targets, values_of};
use crate::likelihood::Target;

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

impl GeneValues {
    /// Returns the values of a cell.
    pub fn of_cell(&self, cell: usize) -> Option<&[f32]> {
        let row = self.row[cell]? as usize;
        Some(&self.values[row * self.genes.len()..(row + 1) * self.genes.len()])
    }

    fn known(&mut self, cells: &[usize]) -> Vec<usize> {
        let n = self.genes.len();
        let mut known = vec![false; n];
        for values in cells.iter().filter_map(|cell| self.of_cell(*cell)) {
            known.iter_mut().zip(values).for_each(|(known, value)| *known |= !value.is_nan());
        }
        let keep: Vec<usize> = (0..n).filter(|gene| known[*gene]).collect();
        if keep.len() < n {
            self.values = self.values.chunks(n).flat_map(|row| keep.iter().map(|gene| row[*gene])).collect();
            self.genes = keep.iter().map(|gene| self.genes[*gene].clone()).collect();
        }
        keep
    }
}

impl Targets for GeneValues {
    fn has(&self, _: &TrainingCells, cell: usize) -> bool {
        self.of_cell(cell).is_some_and(|values| values.iter().any(|value| !value.is_nan()))
    }

    fn of(&self, cells: &TrainingCells, batch: &[usize], device: &Device) -> Result<Target> {
        values_of(self.dense(cells, batch), batch.len(), device)
    }

    fn dense(&self, _: &TrainingCells, batch: &[usize]) -> Vec<f32> {
        let n = self.genes.len();
        let of = |cell: &usize| self.of_cell(*cell).map_or_else(|| vec![f32::NAN; n], <[f32]>::to_vec);
        batch.iter().flat_map(of).collect()
    }

    fn keep_known(&mut self, training: &[usize]) -> Option<Vec<usize>> {
        Some(self.known(training))
    }
}
