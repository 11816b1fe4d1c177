//! Precision and recall of a sample (Kynkäänniemi et al. 2019).

use mfdoom_matrix::distance::{Pairs, blocks};
use mfdoom_matrix::error::Result;
use mfdoom_matrix::{Matrix, Metric, knn};
use rayon::prelude::*;

/// Returns whether each of `points` [n, d] lies within the ball of any of `support` [m, d] that reaches to its `k`-th
/// nearest other.
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew): not more than `k` in the support; [`Error::NotFinite`](crate::Error::NotFinite);
/// [`Error::Shape`](crate::Error::Shape): another number of columns.
pub fn covered(points: &Matrix, support: &Matrix, k: usize) -> Result<Vec<bool>> {
    let near = knn(support, k, Metric::Euclidean)?;
    let radius = |row: usize| f64::from(near.distances(row)[k - 1]).powi(2);
    let squares: Vec<f64> = (0..support.n_rows()).map(radius).collect();
    let pairs = Pairs::new(points, support, Metric::Euclidean)?;
    let of_block = |block: std::ops::Range<usize>| {
        let mut within = vec![false; block.len()];
        pairs.tiles(block, |references, tile| {
            for (row, within) in tile.chunks_exact(references.len()).zip(&mut within) {
                let mut reached = row.iter().zip(&squares[references.clone()]);
                *within |= reached.any(|(square, radius)| square <= radius);
            }
        });
        within
    };
    Ok(blocks(points.n_rows()).into_par_iter().flat_map_iter(of_block).collect())
}
