//! Transition probabilities from the cosine graph.

use mfdoom_matrix::Csr;
use rayon::prelude::*;

use super::cosine::VelocityGraph;

/// How cosines become probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kernel {
    /// Sharpness: the weight of a cosine c is `exp(scale c)`.
    pub scale: f64,
    /// Give every cell its `self_transition` as a step to itself.
    pub self_transitions: bool,
    /// Count steps against the velocity as negative weights (for projections); else they are merely unlikely.
    pub negative_cosines: bool,
}

impl Default for Kernel {
    /// The kernel of a Markov chain: scale 10, with self transitions, no negative weights.
    fn default() -> Self {
        Self { scale: 10.0, self_transitions: true, negative_cosines: false }
    }
}

impl Kernel {
    /// The kernel of [`super::project`].
    pub fn projection() -> Self {
        Self { negative_cosines: true, ..Self::default() }
    }

    /// The kernel of [`super::terminal_states`].
    pub fn chain() -> Self {
        Self { self_transitions: false, ..Self::default() }
    }

    /// Returns the weight of a stored cosine.
    fn weight(&self, cosine: f32) -> f64 {
        let cosine = f64::from(cosine);
        match (self.negative_cosines, cosine < 0.0) {
            (true, true) => -(-cosine * self.scale).exp_m1(),
            (true, false) => (cosine * self.scale).exp_m1(),
            (false, _) => (cosine * self.scale).exp(),
        }
    }
}

/// Returns the transition matrix `[n_cells, n_cells]`; absolute values of a row sum to 1, or the row is empty.
///
/// `backward` transposes the weights before they are normalised.
pub fn transition_matrix(graph: &VelocityGraph, kernel: &Kernel, backward: bool) -> Csr {
    let n = graph.positive.n_rows();
    let rows: Vec<(Vec<u32>, Vec<f32>)> =
        (0..n).into_par_iter().map(|i| weights_of(graph, i, kernel)).collect();
    let weights = Csr::from_rows(n, &rows);
    let mut out = if backward { weights.transposed() } else { weights };
    for i in 0..n {
        let row = out.row_mut(i).1;
        let total: f64 = row.iter().map(|&value| f64::from(value.abs())).sum();
        row.iter_mut().for_each(|value| *value = (f64::from(*value) / total) as f32);
    }
    out
}

/// Returns columns, ascending, and weights of one cell.
fn weights_of(graph: &VelocityGraph, i: usize, kernel: &Kernel) -> (Vec<u32>, Vec<f32>) {
    let mut row: Vec<(u32, f64)> = Vec::new();
    for part in [&graph.positive, &graph.negative] {
        let (columns, cosines) = part.row(i);
        row.extend(columns.iter().zip(cosines).map(|(&j, &cosine)| (j, kernel.weight(cosine))));
    }
    if kernel.self_transitions {
        row.retain(|&(j, _)| j as usize != i);
        row.push((i as u32, kernel.weight(graph.self_transition[i] as f32)));
        // A cell that never stays has no such step at all, whatever the kernel makes of a cosine of 0.
        row.retain(|&(j, _)| j as usize != i || graph.self_transition[i] > 0.0);
    }
    row.sort_unstable_by_key(|&(j, _)| j);
    row.into_iter().map(|(j, weight)| (j, weight as f32)).unzip()
}
