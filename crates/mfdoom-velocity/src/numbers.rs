//! Between the crates of numbers and the rest: errors, neighbours.

use mfdoom_error::{Error, Result};
use mfdoom_kinetics::neighbors::Neighbors;
use mfdoom_kinetics::sparse::Csr;
use mfdoom_metrics::{Metric, knn, pca};
use rayon::prelude::*;

/// The seed of PCA's random start; components are those of an exact decomposition, whatever it is.
const SEED: u64 = 0;

/// Turns a refusal of the kinetics into an error of the input.
pub fn kinetics(error: mfdoom_kinetics::error::Error) -> Error {
    Error::contract(error.to_string())
}

/// Turns a refusal of the metrics into an error of the input.
pub fn metrics(error: mfdoom_metrics::Error) -> Error {
    Error::contract(error.to_string())
}

/// Returns the `k` exact nearest cells, each cell first, among `n_pcs` principal components of log1p(`spliced`).
///
/// `spliced` are size-normalised counts, [n_cells, n_genes]. With fewer genes or cells than components, there are
/// fewer components.
///
/// # Errors
/// Usage: fewer than 2 neighbours. Contract: fewer cells than neighbours.
pub fn neighbors(spliced: &Csr, n_pcs: usize, k: usize) -> Result<Neighbors> {
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
    let wanted = n_pcs.min(n - 1).min(spliced.n_cols);
    if wanted < n_pcs {
        tracing::warn!("only {wanted} principal components: {n} cells, {} genes", spliced.n_cols);
    }
    let components = components(spliced, wanted)?;
    let near = knn(&components, k - 1, Metric::Euclidean).map_err(metrics)?;
    let (mut indices, mut distances) = (Vec::with_capacity(n * k), Vec::with_capacity(n * k));
    for i in 0..n {
        indices.push(i as u32);
        distances.push(0.0);
        indices.extend_from_slice(near.indices(i));
        distances.extend(near.distances(i).iter().map(|&distance| distance as f32));
    }
    Neighbors::new(k, indices, distances).map_err(kinetics)
}

/// Returns the first `n_pcs` principal components of log1p of size-normalised counts, [n_cells, n_pcs].
///
/// # Errors
/// Contract: fewer cells or genes than components.
pub fn components(counts: &Csr, n_pcs: usize) -> Result<mfdoom_metrics::Matrix> {
    let logarithms = counts.values.par_iter().map(|value| value.ln_1p()).collect();
    let (indptr, indices) = (counts.indptr.clone(), counts.indices.clone());
    let matrix = mfdoom_metrics::Csr::new(counts.n_cols, indptr, indices, logarithms).map_err(metrics)?;
    Ok(pca(&matrix, n_pcs, SEED).map_err(metrics)?.scores)
}
