//! Vectors reduced by PCA: counts to a baseline, a head to the plane of a plot.

use mfdoom_error::Error;
use mfdoom_error::Result;
use mfdoom_matrix::{Matrix, pca};

/// Total that counts of a cell are scaled to.
pub(super) const TARGET: f64 = 1e4;

/// Points in the plane and what the axes are.
pub(super) struct Plane {
    pub(super) points: Vec<[f64; 2]>,
    pub(super) axes: [String; 2],
}

/// Returns the first two principal components of a head.
pub(super) fn plane(vectors: &Matrix, seed: u64) -> Result<Plane> {
    let found = pca(vectors, 2.min(vectors.n_cols()), seed).map_err(|error| failed("the plot", error))?;
    let shares = found.explained_variance_ratio();
    let axis = |at: usize| {
        let share = shares.get(at).copied().unwrap_or(0.0);
        format!("PC{} ({:.1} % of variance)", at + 1, 100.0 * share)
    };
    let point = |row: usize| {
        let scores = found.scores.row(row);
        [f64::from(scores[0]), f64::from(scores.get(1).copied().unwrap_or(0.0))]
    };
    Ok(Plane { points: (0..vectors.n_rows()).map(point).collect(), axes: [axis(0), axis(1)] })
}

/// Returns the error of a score that cannot be computed from this input.
pub(crate) fn failed(what: &str, error: mfdoom_matrix::Error) -> Error {
    Error::contract(format!("{what}: {error}"))
}
