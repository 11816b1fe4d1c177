//! Terminal states: where the Markov chain of transitions comes from and where it ends.

use mfdoom_matrix::Neighbors;
use mfdoom_matrix::eigen::leading_general;
use mfdoom_matrix::error::{Result, same};
use mfdoom_matrix::percentile;

use super::cosine::VelocityGraph;
use super::operator::Chain;
use super::transition::chain;

/// Eigenpairs that are looked at.
const COUNT: usize = 10;
/// How far below 1 the eigenvalue of a stationary state may be.
const MARGIN: f64 = 1e-3;

/// Probability of every cell to be a start or an end, scaled to [0, 1].
#[derive(Debug, Clone, PartialEq)]
pub struct TerminalStates {
    /// Start of the dynamics.
    pub root_cells: Vec<f64>,
    /// End of the dynamics.
    pub end_points: Vec<f64>,
    /// Number of separate start and end regions found; with 0 all weights are 0.
    pub regions: [usize; 2],
}

/// Finds terminal states as stationary states of the backward and the forward chain, averaged over the neighbours.
///
/// A chain that leaks, because some cells are reached from nowhere, has no stationary start: 0 regions, as in scVelo.
/// Where several regions are equally stationary, their relative weights are not defined, here as in scVelo.
///
/// # Errors
/// When graph and neighbours differ in cells.
pub fn terminal_states(graph: &VelocityGraph, neighbors: &Neighbors) -> Result<TerminalStates> {
    same("cells of the graph", graph.cosines.n_rows(), neighbors.n_rows())?;
    let weights = chain(graph);
    let (root_cells, roots) = stationary(&Chain::new(&weights, true), neighbors);
    let (end_points, ends) = stationary(&Chain::new(&weights, false), neighbors);
    Ok(TerminalStates { root_cells, end_points, regions: [roots, ends] })
}

/// Returns the scaled stationary weight of every cell, and the number of regions.
fn stationary(chain: &Chain<'_>, neighbors: &Neighbors) -> (Vec<f64>, usize) {
    let pairs = leading_general(chain, COUNT);
    let n = neighbors.n_rows();
    let mut sum = vec![0.0; n];
    let mut regions = 0;
    for (_, vector) in pairs.values.iter().zip(&pairs.vectors).filter(|(value, _)| **value >= 1.0 - MARGIN) {
        regions += 1;
        for (slot, weight) in sum.iter_mut().zip(trimmed(vector)) {
            *slot += weight;
        }
    }
    let average = |i: usize| {
        let others = neighbors.indices(i).iter().map(|&j| sum[j as usize]).sum::<f64>();
        (sum[i] + others) / (neighbors.k() + 1) as f64
    };
    let mut weights: Vec<f64> = (0..n).map(average).collect();
    let bound = percentile(&mut weights.clone(), 98.0);
    weights.iter_mut().for_each(|weight| *weight = weight.clamp(0.0, bound.max(0.0)));
    scale(&mut weights);
    (weights, regions)
}

/// Returns magnitudes between the 2nd and 98th percentile, relative to the largest.
fn trimmed(vector: &[f64]) -> Vec<f64> {
    let magnitude: Vec<f64> = vector.iter().map(|x| x.abs()).collect();
    let (low, high) = (percentile(&mut magnitude.clone(), 2.0), percentile(&mut magnitude.clone(), 98.0));
    let clip = |&x: &f64| if x < low { 0.0 } else { x.min(high) };
    let clipped: Vec<f64> = magnitude.iter().map(clip).collect();
    let largest = clipped.iter().copied().fold(0.0, f64::max);
    clipped.iter().map(|x| if largest > 0.0 { x / largest } else { 0.0 }).collect()
}

/// Moves the smallest finite value to 0 and the largest to 1.
pub(crate) fn scale(values: &mut [f64]) {
    let finite = |a: f64, f: fn(f64, f64) -> f64| values.iter().copied().filter(|x| x.is_finite()).fold(a, f);
    let (low, high) = (finite(f64::INFINITY, f64::min), finite(f64::NEG_INFINITY, f64::max));
    let range = if high > low { high - low } else { 1.0 };
    values.iter_mut().for_each(|x| *x = (*x - low) / range);
}
