//! kBET (Büttner et al. 2019) within each label, as scib-metrics 0.5.10 has it: do the neighbours of a cell, by diffusion
//! along the graph of its label, hold the batches in the shares of the label?

use crate::chi_square::chi_square_above;
use crate::lanczos::leading;
use crate::{Error, Result};
use mfdoom_matrix::error::same;
use mfdoom_matrix::{Csr, Matrix, Metric, knn};
use rayon::prelude::*;

/// Nearest cells, the cell counted, that the graph is made of.
pub const KBET_NEAREST: usize = 50;
/// Chance below which a neighbourhood is rejected.
const ALPHA: f64 = 0.05;
/// Components of the diffusion map.
const COMPONENTS: usize = 100;
/// Least and most neighbours that are tested.
const NEIGHBOURS: [usize; 2] = [10, 70];
/// Fewest cells of a label that is tested.
const LEAST: usize = 10;
/// Share of a label's cells that must lie in pieces large enough.
const ENOUGH: f64 = 0.75;

/// Returns for each label, from 0 on, whether each tested cell's neighbourhood is accepted; nothing for labels of one
/// batch or fewer than ten cells. A label with too many cells in small pieces is rejected as a whole.
///
/// `graph` holds the connectivities of the 49 nearest other cells.
///
/// # Errors
/// [`Error::Shape`]: not one label and batch for each cell.
pub fn kbet(graph: &Csr, labels: &[u32], batches: &[u32]) -> Result<Vec<Option<Vec<bool>>>> {
    same("labels", labels.len(), graph.n_rows())?;
    same("batches", batches.len(), graph.n_rows())?;
    let n_labels = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let mut cells = vec![Vec::new(); n_labels];
    labels.iter().enumerate().for_each(|(cell, &label)| cells[label as usize].push(cell));
    let mut plans: Vec<Option<Plan>> = cells.iter().map(|cells| Plan::new(graph, cells, batches)).collect();
    // scib-metrics lowers the number of components for a small label and never raises it again.
    let mut components = COMPONENTS;
    for plan in plans.iter_mut().flatten().filter(|plan| !plan.cells.is_empty()) {
        components = components.min(plan.cells.len() - 1);
        plan.components = components;
    }
    plans.into_par_iter().map(|plan| plan.map(|plan| plan.accepted(graph)).transpose()).collect()
}

/// The cells of one label that are tested.
struct Plan {
    /// Rows in large pieces of the label's graph; none where these are too few.
    cells: Vec<usize>,
    /// Cells of the label.
    n: usize,
    batches: Vec<u32>,
    neighbours: usize,
    components: usize,
}

impl Plan {
    fn new(graph: &Csr, cells: &[usize], batches: &[u32]) -> Option<Self> {
        let own: Vec<u32> = cells.iter().map(|&cell| batches[cell]).collect();
        let n_batches = numbered(&own).1;
        if cells.len() < LEAST || n_batches < 2 {
            return None;
        }
        let quarter = cells.len() / n_batches / 4;
        let neighbours = quarter.clamp(NEIGHBOURS[0], NEIGHBOURS[1]);
        let pieces = pieces(graph, cells);
        let n_pieces = pieces.iter().max().map_or(0, |&piece| piece + 1);
        let mut sizes = vec![0; n_pieces];
        pieces.iter().for_each(|&piece| sizes[piece] += 1);
        let large = |at: &usize| n_pieces == 1 || sizes[pieces[*at]] >= 3 * neighbours;
        let kept: Vec<usize> = (0..cells.len()).filter(large).collect();
        let enough = kept.len() as f64 / cells.len() as f64 >= ENOUGH;
        let kept = if enough { kept } else { Vec::new() };
        Some(Self {
            batches: kept.iter().map(|&at| own[at]).collect(),
            cells: kept.into_iter().map(|at| cells[at]).collect(),
            n: cells.len(),
            neighbours,
            components: COMPONENTS,
        })
    }

    fn accepted(&self, graph: &Csr) -> Result<Vec<bool>> {
        if self.cells.is_empty() {
            return Ok(vec![false; self.n]);
        }
        let map = diffusion_map(&within(graph, &self.cells), self.components)?;
        let n = self.cells.len();
        let near = knn(&map, self.neighbours.min(n - 1), Metric::Euclidean)?;
        let (batches, n_batches) = numbered(&self.batches);
        let mut wanted = vec![0.0; n_batches];
        batches.iter().for_each(|&batch| wanted[batch as usize] += 1.0 / n as f64);
        let accepted = |cell: usize| {
            let mut found = vec![0.0; n_batches];
            found[batches[cell] as usize] += 1.0;
            near.indices(cell).iter().for_each(|&other| found[batches[other as usize] as usize] += 1.0);
            let size = (near.k() + 1) as f64;
            let terms = found
                .iter()
                .zip(&wanted)
                .map(|(found, wanted)| (found - wanted * size).powi(2) / (wanted * size));
            chi_square_above(terms.sum(), n_batches - 1) >= ALPHA
        };
        Ok((0..n).map(accepted).collect())
    }
}

/// Returns values numbered from 0 without gaps, and how many there are.
fn numbered(values: &[u32]) -> (Vec<u32>, usize) {
    let mut names = values.to_vec();
    names.sort_unstable();
    names.dedup();
    let number = |value: &u32| names.partition_point(|name| name < value) as u32;
    (values.iter().map(number).collect(), names.len())
}

/// Returns the graph of some of the nodes, in ascending order.
fn within(graph: &Csr, cells: &[usize]) -> Csr {
    let mut place = vec![u32::MAX; graph.n_rows()];
    cells.iter().enumerate().for_each(|(at, &cell)| place[cell] = at as u32);
    let row = |&cell: &usize| {
        let (columns, values) = graph.row(cell);
        let pairs = columns.iter().map(|&column| place[column as usize]).zip(values.iter().copied());
        pairs.filter(|(column, _)| *column != u32::MAX).unzip()
    };
    Csr::from_rows(cells.len(), &cells.iter().map(row).collect::<Vec<_>>())
}

/// Returns the connected piece of each of some nodes.
fn pieces(graph: &Csr, cells: &[usize]) -> Vec<usize> {
    let graph = within(graph, cells);
    let mut piece = vec![usize::MAX; cells.len()];
    let mut n = 0;
    for start in 0..cells.len() {
        if piece[start] != usize::MAX {
            continue;
        }
        let mut open = vec![start];
        piece[start] = n;
        while let Some(node) = open.pop() {
            for &to in graph.row(node).0 {
                if piece[to as usize] == usize::MAX {
                    piece[to as usize] = n;
                    open.push(to as usize);
                }
            }
        }
        n += 1;
    }
    piece
}

/// Returns the diffusion map [n, components] of a connected graph, each component weighted by l / (1 - l).
///
/// Density is taken out first (Coifman et al. 2005). As in scib-metrics, eigenvalues are rounded to f32, so that the
/// one that is 1 keeps the weight 1.
fn diffusion_map(graph: &Csr, components: usize) -> Result<Matrix> {
    let density: Vec<f32> = graph.row_sums().iter().map(|&sum| 1.0 / sum as f32).collect();
    let scaled = scaled(graph, &density);
    let roots: Vec<f32> = scaled.row_sums().iter().map(|&sum| 1.0 / (sum as f32).sqrt()).collect();
    let found = leading(&self::scaled(&scaled, &roots), components);
    if found.is_empty() {
        return Err(Error::Unusable("the diffusion map of a label did not converge".to_owned()));
    }
    let weight = |value: &f64| {
        // That of a connected graph is 1, whatever rounding makes of it; next to 1 the weight would have no bound.
        let value = if (value - 1.0).abs() < 1e-6 { 1.0 } else { *value as f32 + 1e-8 };
        if value == 1.0 { value } else { value / (1.0 - value) }
    };
    let weights: Vec<f32> = found.iter().map(|(value, _)| weight(value)).collect();
    let row = |cell: usize| {
        found.iter().zip(&weights).map(move |((_, vector), weight)| vector[cell] as f32 * weight)
    };
    Matrix::new((0..graph.n_rows()).flat_map(row).collect(), graph.n_rows(), weights.len())
}

/// Returns a graph with rows and columns multiplied by factors.
fn scaled(graph: &Csr, factors: &[f32]) -> Csr {
    let row = |row: usize| {
        let (columns, values) = graph.row(row);
        let values = columns
            .iter()
            .zip(values)
            .map(|(&column, value)| factors[row] * value * factors[column as usize]);
        (columns.to_vec(), values.collect())
    };
    Csr::from_rows(graph.n_cols(), &(0..graph.n_rows()).map(row).collect::<Vec<_>>())
}
