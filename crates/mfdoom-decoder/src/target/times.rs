//! Transitions between cells, from the times at which they were taken.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Csr, Matrix, Metric, knn_between, pca};
use mfdoom_train::TrainingCells;

use super::Transitions;
use crate::profile::log_normalised;

/// Cells of the next time that may follow a cell: the nearest ones.
const NEAREST: usize = 30;
/// Most principal components in which they are near.
const COMPONENTS: usize = 50;

/// Returns for each cell with counts of a modality the cells of the next later time that are nearest to it, all with the
/// same weight, on principal components of log-normalised counts.
///
/// # Errors
/// Contract: a time that is no number, fewer than two times, too few cells.
pub fn transitions_by_time(column: &str, modality: usize, cells: &TrainingCells) -> Result<Transitions> {
    let times = times(column, cells)?;
    let has = |cell: &usize| times[*cell].is_finite() && cells.tokens(modality).library_size[*cell] > 0.0;
    let rows: Vec<usize> = (0..cells.len()).filter(has).collect();
    let mut known: Vec<f64> = rows.iter().map(|cell| times[*cell]).collect();
    known.sort_by(f64::total_cmp);
    known.dedup();
    if known.len() < 2 {
        return Err(Error::contract(format!("column {column}: no cell follows another"))
            .found(format!("{} times in {} cells with counts", known.len(), rows.len()))
            .wanted("at least 2"));
    }
    let places = places(&rows, modality, cells)?;
    let mut to = vec![Vec::new(); cells.len()];
    for pair in known.windows(2) {
        let at =
            |time: f64| -> Vec<usize> { (0..rows.len()).filter(|row| times[rows[*row]] == time).collect() };
        let (now, next) = (at(pair[0]), at(pair[1]));
        let k = NEAREST.min(next.len());
        let (from, others) = (places.select_rows(&now), places.select_rows(&next));
        let near = knn_between(&from, &others, k, Metric::Euclidean).map_err(Error::refusal)?;
        for (at, row) in now.iter().enumerate() {
            to[rows[*row]] =
                near.indices(at).iter().map(|other| rows[next[*other as usize]] as u32).collect();
        }
    }
    let mut transitions = Transitions { starts: vec![0], ..Transitions::default() };
    for followers in to {
        transitions.weight.extend(vec![1.0; followers.len()]);
        transitions.to.extend(followers);
        transitions.starts.push(transitions.to.len());
    }
    Ok(transitions)
}

/// Returns the time of each cell, NaN where it has none.
fn times(column: &str, cells: &TrainingCells) -> Result<Vec<f64>> {
    let time = |cell: usize| match cells.obs(column, cell) {
        None => Ok(f64::NAN),
        Some(text) => text.parse::<f64>().map_err(|_| {
            Error::contract(format!("column {column}: a time that is no number"))
                .found(format!("{text:?} in cell {:?}", cells.id(cell).unwrap_or_default()))
                .wanted("numbers, such as days")
        }),
    };
    (0..cells.len()).map(time).collect()
}

/// Returns the principal components of some cells, `[rows, components]`.
fn places(rows: &[usize], modality: usize, cells: &TrainingCells) -> Result<Matrix> {
    let tokens = cells.tokens(modality);
    let genes = cells.vocabulary.len();
    let row = |cell: &usize| {
        let (ids, counts) = tokens.cell(*cell);
        let size = tokens.library_size[*cell] as f32;
        (
            ids.iter().map(|id| id - 1).collect(),
            counts.iter().map(|count| log_normalised(*count, size)).collect(),
        )
    };
    let logs = Csr::from_rows(genes, &rows.iter().map(row).collect::<Vec<_>>());
    let k = COMPONENTS.min(genes).min(rows.len().saturating_sub(1)).max(1);
    Ok(pca(&logs, k, 0).map_err(Error::refusal)?.scores)
}
