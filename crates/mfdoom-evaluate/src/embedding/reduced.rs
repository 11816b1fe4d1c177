//! Vectors reduced by PCA: counts to a baseline, a head to the plane of a plot.

use mfdoom_error::Error;
use mfdoom_error::Result;
use mfdoom_matrix::{Csr, Matrix, SizeTarget, log_normalise, pca};

/// Total that counts of a cell are scaled to.
const TARGET: f64 = 1e4;

/// Points in the plane and what the axes are.
pub(super) struct Plane {
    pub(super) points: Vec<[f64; 2]>,
    pub(super) axes: [String; 2],
}

/// Returns the leading principal components of log-normalised counts; as many as there can be, if fewer.
pub(super) fn components(
    mut counts: Csr,
    sizes: &[f64],
    k: usize,
    seed: u64,
) -> mfdoom_matrix::Result<Matrix> {
    log_normalise(&mut counts, Some(sizes), SizeTarget::Total(TARGET))?;
    let k = k.min(counts.n_cols()).min(counts.n_rows().saturating_sub(1));
    Ok(pca(&counts, k, seed)?.scores)
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
pub(super) fn failed(what: &str, error: mfdoom_matrix::Error) -> Error {
    Error::contract(format!("{what}: {error}"))
}
