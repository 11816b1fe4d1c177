//! Neighbours and layouts of the cells, the same for every field.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, Metric, Neighbors, Pca, connectivities, knn, pca, umap};
use rayon::prelude::*;

use super::args::VelocityArgs;
use super::matching::Matched;

/// Where the fields are drawn.
pub(super) struct Space {
    /// Positions over the complete genes, [n, genes].
    pub(super) positions: Matrix,
    /// Which of the common genes are complete.
    pub(super) complete: Vec<bool>,
    /// Nearest cells.
    pub(super) neighbors: Neighbors,
    /// Seed and coordinates [n, 2] of each UMAP.
    pub(super) layouts: Vec<(u64, Matrix)>,
}

impl Space {
    /// Finds neighbours, where the folder does not hold them, and lays the cells out.
    ///
    /// # Errors
    /// Contract: no gene with a velocity for every cell, fewer cells than neighbours.
    pub(super) fn new(matched: &Matched, args: &VelocityArgs) -> Result<Self> {
        let complete = matched.complete_genes();
        let n_genes = complete.iter().filter(|complete| **complete).count();
        if n_genes < 2 {
            return Err(Error::contract("the velocities cannot be drawn")
                .found(format!("{n_genes} genes with a velocity of every cell"))
                .wanted("at least 2: a missing velocity is never taken for zero"));
        }
        let positions = matched.positions.as_ref().unwrap_or(&matched.fields[0].1).select_columns(&complete);
        let components = components(&positions, args)?;
        let neighbors = match &matched.neighbours {
            Some(pairs) => pairs.clone().into_neighbors(matched.n_cells(), "neighbors.parquet")?,
            None => knn(&components.scores, args.n_neighbors - 1, Metric::Euclidean).map_err(few)?,
        };
        let layouts = layouts(&neighbors, &components, args)?;
        Ok(Self { positions, complete, neighbors, layouts })
    }
}

/// Returns the error of numbers that do not fit each other, which would be a bug.
pub(super) fn broken(error: &dyn std::error::Error) -> Error {
    Error::failed(format!("the velocities cannot be scored: {error}"))
}

/// Principal components of the logarithm of the positions.
fn components(positions: &Matrix, args: &VelocityArgs) -> Result<Pca> {
    let logs = positions.data().iter().map(|value| value.max(0.0).ln_1p()).collect();
    let (n, genes) = (positions.n_rows(), positions.n_cols());
    let logs = Matrix::new(logs, n, genes).map_err(|error| broken(&error))?;
    pca(&logs, args.n_pcs.min(genes).min(n.saturating_sub(1)), args.run.seed.seed).map_err(few)
}

fn few(error: mfdoom_matrix::Error) -> Error {
    Error::contract(format!("the cells cannot be laid out: {error}"))
        .help("score more cells, or lower --n-neighbors")
}

/// Lays the cells out by every seed, side by side.
fn layouts(neighbors: &Neighbors, components: &Pca, args: &VelocityArgs) -> Result<Vec<(u64, Matrix)>> {
    let graph = connectivities(neighbors);
    let scores = &components.scores;
    let start = scores.select_columns(&(0..scores.n_cols()).map(|axis| axis < 2).collect::<Vec<_>>());
    let seeds: Vec<u64> = (0..args.umap_seeds as u64).map(|at| args.run.seed.seed.wrapping_add(at)).collect();
    let layout = |seed: u64| Ok((seed, umap(&graph, &start, seed).map_err(|error| broken(&error))?));
    seeds.into_par_iter().map(layout).collect()
}
