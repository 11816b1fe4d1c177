//! Velocity pseudotime: diffusion distance on the velocity graph from the root and to the end.

use mfdoom_matrix::eigen::{Eigenpairs, leading_symmetric};
use mfdoom_matrix::error::{Error, Result, same};

use super::cosine::VelocityGraph;
use super::operator::Symmetrised;
use super::terminal::scale;
use crate::moments::Smoother;

/// From this eigenvalue on a component counts as stationary and is not weighted by its duration (scanpy's dpt).
const STATIONARY: f64 = 0.9994;

/// Diffusion map of the symmetrised velocity graph.
#[derive(Debug, Clone, PartialEq)]
pub struct DiffusionMap {
    pairs: Eigenpairs,
    component: Vec<u32>,
}

impl DiffusionMap {
    /// Computes `n_components` diffusion components (scVelo: 10) of `|cosine| + |cosine|^T`, density-normalised.
    ///
    /// `smoother` says which cells are connected at all.
    ///
    /// # Errors
    /// When graph and smoother differ in cells.
    pub fn new(graph: &VelocityGraph, smoother: &Smoother, n_components: usize) -> Result<Self> {
        same("cells of the graph", graph.cosines.n_rows(), smoother.n_cells())?;
        let mut matrix = Symmetrised::new(&graph.cosines);
        matrix.divide_by(|sum| if sum == 0.0 { 1.0 } else { sum });
        matrix.divide_by(|sum| if sum == 0.0 { 1.0 } else { sum.sqrt() });
        Ok(Self { pairs: leading_symmetric(&matrix, n_components), component: components(smoother) })
    }

    /// Returns the number of cells.
    pub fn n_cells(&self) -> usize {
        self.component.len()
    }

    /// Returns the number of parts that the neighbour graph falls into.
    pub fn n_parts(&self) -> usize {
        self.component.iter().max().map_or(0, |last| *last as usize + 1)
    }

    /// Returns the diffusion components, one vector over the cells each, by falling eigenvalue.
    pub fn components(&self) -> &[Vec<f64>] {
        &self.pairs.vectors
    }

    /// Returns the diffusion distance of every cell from `cell` over the largest one; infinite where not connected.
    fn distances(&self, cell: usize) -> Vec<f64> {
        let mut square = vec![0.0; self.n_cells()];
        for (&value, vector) in self.pairs.values.iter().zip(&self.pairs.vectors) {
            let weight = if value < STATIONARY { value / (1.0 - value) } else { 1.0 };
            for (slot, x) in square.iter_mut().zip(vector) {
                *slot += (weight * (vector[cell] - x)).powi(2);
            }
        }
        let connected = |i: usize| self.component[i] == self.component[cell];
        let mut out: Vec<f64> =
            (0..square.len()).map(|i| if connected(i) { square[i].sqrt() } else { f64::INFINITY }).collect();
        let largest = out.iter().copied().filter(|d| d.is_finite()).fold(0.0, f64::max);
        if largest > 0.0 {
            out.iter_mut().for_each(|d| *d /= largest);
        }
        out
    }
}

/// Returns the pseudotime of every cell in [0, 1]: from the root cell, back from the end cell, or the mean of both.
///
/// Cells connected to neither have NaN, all of them when neither is given.
///
/// # Errors
/// When a cell number is out of range.
pub fn velocity_pseudotime(map: &DiffusionMap, root: Option<usize>, end: Option<usize>) -> Result<Vec<f64>> {
    if let Some(cell) = [root, end].into_iter().flatten().find(|&cell| cell >= map.n_cells()) {
        return Err(Error::Unusable(format!("root or end cell {cell} of {} cells", map.n_cells())));
    }
    let nowhere = || vec![f64::NAN; map.n_cells()];
    let from_root = root.map_or_else(nowhere, |cell| map.distances(cell));
    let to_end = end.map_or_else(nowhere, |cell| map.distances(cell));
    let mean = |(&root, &end): (&f64, &f64)| match (root.is_finite(), end.is_finite()) {
        (true, true) => f64::midpoint(root, 1.0 - end),
        (true, false) => root,
        (false, true) => 1.0 - end,
        (false, false) => f64::NAN,
    };
    let mut time: Vec<f64> = from_root.iter().zip(&to_end).map(mean).collect();
    scale(&mut time);
    Ok(time)
}

/// Returns the cell whose weight, averaged over the cells connected to it, is largest; none where all weights are 0.
pub fn most_likely(weights: &[f64], smoother: &Smoother) -> Option<usize> {
    let mut average = vec![0.0; weights.len()];
    smoother.apply(weights, &mut average);
    let largest = average.iter().copied().fold(0.0, f64::max);
    if largest > 0.0 { average.iter().position(|&weight| weight == largest) } else { None }
}

/// Numbers the connected components of the neighbour graph.
fn components(smoother: &Smoother) -> Vec<u32> {
    let n = smoother.n_cells();
    let mut component = vec![u32::MAX; n];
    let mut open = Vec::new();
    let mut next = 0;
    for first in 0..n {
        if component[first] != u32::MAX {
            continue;
        }
        component[first] = next;
        open.push(first as u32);
        while let Some(i) = open.pop() {
            for &j in smoother.cells(i as usize) {
                if component[j as usize] == u32::MAX {
                    component[j as usize] = next;
                    open.push(j);
                }
            }
        }
        next += 1;
    }
    component
}
