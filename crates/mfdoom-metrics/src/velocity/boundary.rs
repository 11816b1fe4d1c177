//! CBDir: do cells at the border of a cluster move towards the cluster that follows?

use mfdoom_matrix::Matrix;
use mfdoom_matrix::Neighbors;
use mfdoom_matrix::error::{Result, same};

use super::{Pairs, mean};

/// Direction across the border from one cluster to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EdgeDirection {
    /// Cells of the first cluster with a velocity and a neighbour in the second.
    pub n: usize,
    /// Mean over those cells of the mean cosine of velocity and step to such a neighbour; nothing without cells.
    pub direction: Option<f64>,
}

/// Returns the direction across each edge (from, to) of clusters.
///
/// `positions` and `velocity` [n_cells, 2] are in the plane of an embedding, `labels` [n_cells] are clusters, and
/// `neighbours` those of each cell in the space of expression, with or without itself. A cell whose velocity is zero
/// counts with a cosine of 0, one whose velocity is NaN not at all.
///
/// ```
/// use mfdoom_metrics::velocity::cross_boundary;
/// use mfdoom_matrix::{Matrix, Neighbors};
/// # fn main() -> mfdoom_metrics::Result<()> {
/// let at = Matrix::new(vec![0.0, 0.0, 1.0, 0.0], 2, 2)?;
/// let moves = Matrix::new(vec![2.0, 0.0, 0.0, 1.0], 2, 2)?;
/// let near = Neighbors::new(1, vec![1, 0], vec![1.0, 1.0])?;
/// let found = cross_boundary(&at, &moves, &[0, 1], &near, &[(0, 1), (1, 0)])?;
/// assert_eq!([found[0].direction, found[1].direction], [Some(1.0), Some(0.0)]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape), when the parts differ in cells or dimensions.
pub fn cross_boundary(
    positions: &Matrix,
    velocity: &Matrix,
    labels: &[u32],
    neighbours: &Neighbors,
    edges: &[(u32, u32)],
) -> Result<Vec<EdgeDirection>> {
    let n = positions.n_rows();
    same("cells of the velocities", velocity.n_rows(), n)?;
    same("dimensions of the velocities", velocity.n_cols(), positions.n_cols())?;
    same("labels", labels.len(), n)?;
    same("cells of the neighbours", neighbours.n_rows(), n)?;
    let of_cell = |cell: usize, to: u32| {
        let moves = velocity.row(cell);
        if moves.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let there = neighbours.indices(cell).iter().filter(|&&other| labels[other as usize] == to);
        mean(there.map(|&other| {
            let step = positions.row(other as usize).iter().zip(positions.row(cell)).map(|(a, b)| a - b);
            Pairs::of(step.zip(moves.iter().copied())).cosine().unwrap_or(0.0)
        }))
    };
    let edge = |&(from, to): &(u32, u32)| {
        let members = (0..n).filter(|&cell| labels[cell] == from);
        let found: Vec<f64> = members.filter_map(|cell| of_cell(cell, to)).collect();
        EdgeDirection { n: found.len(), direction: mean(found.into_iter()) }
    };
    Ok(edges.iter().map(edge).collect())
}

/// Returns CBDir: the mean over the edges that have cells.
pub fn mean_direction(edges: &[EdgeDirection]) -> Option<f64> {
    mean(edges.iter().filter_map(|edge| edge.direction))
}
