//! Neighbours and layouts of the cells, the same for every field.

use mfdoom_artifact::velocity::Pairs;
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::connectivities::connectivities;
use mfdoom_kinetics::neighbors::Neighbors;
use mfdoom_kinetics::{matrix, sparse};
use mfdoom_metrics::{self as metrics, Csr, Matrix, Metric, Neighbours, Pca, knn, pca, umap};
use rayon::prelude::*;

use super::args::VelocityArgs;
use super::matching::Matched;

/// Where the fields are drawn.
pub(super) struct Space {
    /// Positions over the complete genes, [n, genes].
    pub(super) positions: matrix::Matrix,
    /// Which of the common genes are complete.
    pub(super) complete: Vec<bool>,
    /// Nearest cells, each cell first.
    pub(super) neighbors: Neighbors,
    /// The same, for the scores.
    pub(super) neighbours: Neighbours,
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
        let positions = columns(matched.positions.as_ref().unwrap_or(&matched.fields[0].1), &complete)?;
        let components = components(&positions, args)?;
        let neighbors = match &matched.neighbours {
            Some(pairs) => given(pairs, matched.n_cells())?,
            None => found(&components.scores, args.n_neighbors)?,
        };
        let distances = neighbors.distances.iter().map(|&distance| f64::from(distance)).collect();
        let neighbours = Neighbours::new(neighbors.k, neighbors.indices.clone(), distances)
            .map_err(|error| broken(&error))?;
        let layouts = layouts(&neighbors, &components, args)?;
        Ok(Self { positions: kinetic(&positions), complete, neighbors, neighbours, layouts })
    }
}

/// Returns the chosen columns.
pub(super) fn columns(matrix: &Matrix, keep: &[bool]) -> Result<Matrix> {
    let row =
        |row: usize| matrix.row(row).iter().zip(keep).filter(|(_, keep)| **keep).map(|(value, _)| *value);
    let width = keep.iter().filter(|keep| **keep).count();
    Matrix::new((0..matrix.n_rows()).flat_map(row).collect(), matrix.n_rows(), width)
        .map_err(|error| broken(&error))
}

/// Returns a matrix as the velocity functions take it.
pub(super) fn kinetic(matrix: &Matrix) -> matrix::Matrix {
    matrix::Matrix { n_rows: matrix.n_rows(), n_cols: matrix.n_cols(), data: matrix.data().to_vec() }
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
    pca(&logs, args.n_pcs.min(genes).min(n.saturating_sub(1)), args.seed.seed).map_err(few)
}

fn few(error: metrics::Error) -> Error {
    Error::contract(format!("the cells cannot be laid out: {error}"))
        .help("score more cells, or lower --n-neighbors")
}

/// Returns the nearest cells that a folder holds.
fn given(pairs: &Pairs, n: usize) -> Result<Neighbors> {
    let starts = pairs.row_starts(n, "neighbors.parquet")?;
    let others = starts.get(1).copied().unwrap_or(0);
    if starts.windows(2).any(|ends| ends[1] - ends[0] != others) {
        return Err(Error::contract("neighbors.parquet: cells differ in their number of neighbours"));
    }
    assembled(n, others, &pairs.cols, &pairs.values)
}

/// Finds the nearest cells, each cell counted.
fn found(components: &Matrix, k: usize) -> Result<Neighbors> {
    let near = knn(components, k - 1, Metric::Euclidean).map_err(few)?;
    let n = near.n_rows();
    let indices: Vec<u32> = (0..n).flat_map(|cell| near.indices(cell).to_vec()).collect();
    let distances: Vec<f32> =
        (0..n).flat_map(|cell| near.distances(cell).iter().map(|&d| d as f32)).collect();
    assembled(n, k - 1, &indices, &distances)
}

/// Puts each cell before its `others` neighbours.
fn assembled(n: usize, others: usize, cells: &[u32], distances: &[f32]) -> Result<Neighbors> {
    let (mut indices, mut all) = (Vec::with_capacity(n * (others + 1)), Vec::with_capacity(n * (others + 1)));
    for cell in 0..n {
        let own = cell * others..(cell + 1) * others;
        indices.push(cell as u32);
        indices.extend_from_slice(&cells[own.clone()]);
        all.push(0.0);
        all.extend_from_slice(&distances[own]);
    }
    Neighbors::new(others + 1, indices, all).map_err(|error| Error::contract(error.to_string()))
}

/// Lays the cells out by every seed, side by side.
fn layouts(neighbors: &Neighbors, components: &Pca, args: &VelocityArgs) -> Result<Vec<(u64, Matrix)>> {
    let sparse::Csr { n_cols, indptr, indices, values } = connectivities(neighbors);
    let graph = Csr::new(n_cols, indptr, indices, values).map_err(|error| broken(&error))?;
    let scores = &components.scores;
    let start = columns(scores, &(0..scores.n_cols()).map(|axis| axis < 2).collect::<Vec<_>>())?;
    let seeds: Vec<u64> = (0..args.umap_seeds as u64).map(|at| args.seed.seed.wrapping_add(at)).collect();
    let layout = |seed: u64| Ok((seed, umap(&graph, &start, seed).map_err(|error| broken(&error))?));
    seeds.into_par_iter().map(layout).collect()
}
