//! Cells laid out in the plane for a report.

use mfdoom_error::Result;
use mfdoom_matrix::{Matrix, Metric, connectivities, nearest, pca, umap};

/// Nearest other cells that a layout keeps together.
pub(crate) const NEAREST: usize = 14;

/// Lays out vectors [n, d] by UMAP from their first two principal components.
///
/// # Errors
/// Contract: too few cells, values that are not finite.
pub(crate) fn laid_out(x: &Matrix, seed: u64) -> Result<Vec<[f64; 2]>> {
    let error = |error| crate::embedding::failed("the layout", error);
    let near = nearest(x, NEAREST, Metric::Euclidean, seed).map_err(error)?;
    let start = pca(x, 2.min(x.n_cols()), seed).map_err(error)?.scores;
    let start = if start.n_cols() < 2 { padded(&start) } else { start };
    let found = umap(&connectivities(&near), &start, seed).map_err(error)?;
    Ok((0..found.n_rows()).map(|row| [0, 1].map(|axis| f64::from(found.row(row)[axis]))).collect())
}

/// Adds a second coordinate of 0.
fn padded(x: &Matrix) -> Matrix {
    let data = x.data().iter().flat_map(|&value| [value, 0.0]).collect();
    Matrix::new(data, x.n_rows(), 2).unwrap_or_default()
}
