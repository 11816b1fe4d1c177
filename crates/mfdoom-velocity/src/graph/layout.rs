//! A UMAP of the neighbours of a folder.

use mfdoom_error::Result;
use mfdoom_kinetics::matrix::Matrix;
use mfdoom_kinetics::sparse::Csr;

use super::input::{Velocities, sparse};
use crate::embedding::Embedding;
use crate::numbers;

/// The name that asks for it, and the name of its basis.
pub const UMAP: &str = "umap";
/// Dimensions of the plane.
const PLANE: usize = 2;

/// Lays the neighbour graph out in the plane, from the first two principal components of the positions on.
///
/// `weights` are the connectivities, [n_cells, n_cells].
///
/// # Errors
/// Contract: fewer than two genes.
pub fn umap(velocities: &Velocities, weights: &Csr, seed: u64) -> Result<Embedding> {
    let start = numbers::components(&sparse(&velocities.positions), PLANE)?;
    let graph = mfdoom_metrics::Csr::new(
        weights.n_cols,
        weights.indptr.clone(),
        weights.indices.clone(),
        weights.values.clone(),
    );
    let laid = mfdoom_metrics::umap(&graph.map_err(numbers::metrics)?, &start, seed);
    let points = laid.map_err(numbers::metrics)?;
    let coordinates = Matrix::new(points.n_rows(), PLANE, points.data().to_vec());
    Ok(Embedding {
        basis: UMAP.to_owned(),
        coordinates: coordinates.map_err(numbers::kinetics)?,
        input: None,
    })
}
