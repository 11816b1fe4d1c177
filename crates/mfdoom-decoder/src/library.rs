//! Library sizes of predicted modalities, for cells that lack them.

use std::collections::BTreeMap;

use mfdoom_matrix::median;
use mfdoom_train::TrainingCells;

use crate::config::Library;

/// Returns, for each of the named modalities, the median library size over `rows` and its ratio to that of
/// every other modality, as the mean ratio over the cells that have both.
pub fn libraries(cells: &TrainingCells, rows: &[usize], modalities: &[usize]) -> BTreeMap<String, Library> {
    let size = |m: usize, cell: usize| Some(cells.tokens(m).library_size[cell]).filter(|size| *size > 0.0);
    let of = |m: usize| {
        let mut sizes: Vec<f64> = rows.iter().filter_map(|cell| size(m, *cell)).collect();
        let median = median(&mut sizes).unwrap_or(0.0);
        let ratio = |other: usize| {
            let both = rows.iter().filter_map(|cell| Some((size(m, *cell)?, size(other, *cell)?)));
            let (a, b) = both.fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
            (b > 0.0).then(|| (cells.modalities[other].clone(), a / b))
        };
        let ratios = (0..cells.modalities.len()).filter(|other| *other != m).filter_map(ratio).collect();
        (cells.modalities[m].clone(), Library { median, ratios })
    };
    modalities.iter().map(|m| of(*m)).collect()
}
