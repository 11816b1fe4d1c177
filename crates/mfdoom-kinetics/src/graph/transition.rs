//! Transition weights from the cosine graph.

use super::cosine::VelocityGraph;
use super::operator::Weights;

/// Sharpness: the weight of a cosine c is `exp(SCALE c)`, as in scVelo.
const SCALE: f64 = 10.0;

/// Returns the weights of the steps of a Markov chain: steps against the velocity are merely unlikely.
pub(super) fn chain(graph: &VelocityGraph) -> Weights<'_> {
    let weight = |&cosine: &f32| (f64::from(cosine) * SCALE).exp() as f32;
    Weights { pattern: &graph.cosines, values: graph.cosines.values().iter().map(weight).collect() }
}

/// Returns the cells that cell `i` may go to, ascending, and their probabilities, whose absolute values sum to 1.
///
/// Steps against the velocity count as negative, and staying takes part with the cell's chance to stay (the
/// transitions that scVelo projects with). A cell without velocity goes nowhere.
pub fn transitions(graph: &VelocityGraph, i: usize) -> (Vec<u32>, Vec<f32>) {
    let weight = |cosine: f32| {
        let cosine = f64::from(cosine);
        if cosine < 0.0 { -(-cosine * SCALE).exp_m1() } else { (cosine * SCALE).exp_m1() }
    };
    let (columns, cosines) = graph.cosines.row(i);
    let steps = columns.iter().zip(cosines).map(|(&j, &cosine)| (j, weight(cosine)));
    let mut row: Vec<(u32, f64)> = steps.filter(|&(j, _)| j as usize != i).collect();
    if graph.self_transition[i] > 0.0 {
        let at = row.partition_point(|&(j, _)| (j as usize) < i);
        row.insert(at, (i as u32, weight(graph.self_transition[i] as f32)));
    }
    let total: f64 = row.iter().map(|&(_, weight)| f64::from((weight as f32).abs())).sum();
    row.into_iter().map(|(j, weight)| (j, (f64::from(weight as f32) / total) as f32)).unzip()
}
