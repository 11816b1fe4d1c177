//! A UMAP of the neighbours of a folder.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;

use super::input::{Velocities, sparse};
use crate::embedding::Embedding;
use crate::neighbors;

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
    let start = neighbors::components(&sparse(&velocities.positions), PLANE)?;
    let coordinates = mfdoom_matrix::umap(weights, &start, seed).map_err(Error::refusal)?;
    Ok(Embedding { basis: UMAP.to_owned(), coordinates, input: None })
}
