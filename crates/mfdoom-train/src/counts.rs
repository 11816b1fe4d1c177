//! All counts of cells, for objectives that score also what is not shown.

use mfdoom_model::{AllCounts, ModalityCounts};
use mfdoom_nn::MaskedCounts;

use crate::data::TrainingCells;

/// Returns every count of some cells. What a data set did not measure is not observed.
pub(crate) fn all_counts(cells: &TrainingCells, batch: &[usize]) -> AllCounts {
    let dataset = batch.iter().map(|cell| cells.dataset_numbers()[*cell]).collect();
    let modalities = (0..cells.modalities.len()).map(|m| of_modality(cells, batch, m)).collect();
    AllCounts { dataset, modalities }
}

fn of_modality(cells: &TrainingCells, batch: &[usize], m: usize) -> ModalityCounts {
    let (tokens, vocab) = (cells.tokens(m), cells.vocabulary.len() + 1);
    let present = (0..batch.len()).filter(|i| tokens.present[batch[*i]]);
    let rows: Vec<u32> = present.map(|i| i as u32).collect();
    let mut values = vec![0f32; rows.len() * vocab];
    let mut observed = vec![false; rows.len() * vocab];
    let mut library_size = Vec::with_capacity(rows.len());
    for (row, i) in rows.iter().enumerate() {
        let cell = batch[*i as usize];
        let (ids, counts) = tokens.cell(cell);
        let at = row * vocab;
        match cells.measured.get(cells.dataset(cell), &cells.modalities[m]) {
            Some(set) => set.iter().for_each(|id| observed[at + *id as usize] = true),
            None => observed[at + 1..at + vocab].fill(true),
        }
        for (id, count) in ids.iter().zip(counts) {
            (values[at + *id as usize], observed[at + *id as usize]) = (*count, true);
        }
        library_size.push(tokens.library_size[cell] as f32);
    }
    let counts = MaskedCounts { values: values.into(), observed: observed.into() };
    ModalityCounts { counts: (!rows.is_empty()).then_some(counts), cells: rows, library_size }
}
