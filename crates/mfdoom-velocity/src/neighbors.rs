//! The nearest cells in the space of the principal components.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Csr, Matrix, Metric, Neighbors, nearest, pca};
use rayon::prelude::*;

/// The seed of PCA and of the search: a folder depends on its input and settings alone.
const SEED: u64 = 0;

/// Returns the `k - 1` nearest other cells of every cell ([`nearest`]) among `n_pcs` principal components of log1p(`spliced`).
///
/// `spliced` are size-normalised counts, [n_cells, n_genes]. With fewer genes or cells than components, there are
/// fewer components.
///
/// # Errors
/// Usage: fewer than 2 neighbours. Contract: fewer cells than neighbours.
pub fn find(spliced: &Csr, n_pcs: usize, k: usize) -> Result<Neighbors> {
    let n = spliced.n_rows();
    if k < 2 || n_pcs == 0 {
        return Err(Error::usage("--n-neighbors and --n-pcs are too small")
            .found(format!("{k} neighbours, {n_pcs} components"))
            .wanted("at least 2 neighbours, the cell itself among them, and 1 component"));
    }
    if n <= k {
        return Err(Error::contract("there are fewer cells than neighbours")
            .found(format!("{n} cells, {k} neighbours"))
            .help("lower --n-neighbors; velocities of so few cells mean little"));
    }
    let wanted = n_pcs.min(n - 1).min(spliced.n_cols());
    if wanted < n_pcs {
        tracing::warn!("only {wanted} principal components: {n} cells, {} genes", spliced.n_cols());
    }
    let components = components(spliced, wanted)?;
    nearest(&components, k - 1, Metric::Euclidean, SEED).map_err(Error::refusal)
}

/// Returns the first `n_pcs` principal components of log1p of size-normalised counts, [n_cells, n_pcs].
///
/// # Errors
/// Contract: fewer cells or genes than components.
pub fn components(counts: &Csr, n_pcs: usize) -> Result<Matrix> {
    let mut logarithms = counts.clone();
    logarithms.values_mut().par_iter_mut().for_each(|value| *value = value.ln_1p());
    Ok(pca(&logarithms, n_pcs, SEED).map_err(Error::refusal)?.scores)
}
