//! Which observed states lie along a velocity.

use mfdoom_matrix::Matrix;
use mfdoom_nn::Stream;
use rayon::prelude::*;

use crate::field::Field;
use crate::observed::Observed;

/// Sharpness of the weights, as in scVelo's transition matrix.
const SHARPNESS: f64 = 10.0;

/// The observed states in the genes that move.
pub struct Ahead {
    /// `[cells, moving genes]`.
    states: Matrix,
}

/// An observed cell that a trajectory may go on to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    /// Its number.
    pub cell: u32,
    /// How well it lies along the velocity; above 0.
    pub weight: f64,
    /// Steps that it takes to get there.
    pub steps: f64,
}

impl Ahead {
    /// Takes what is needed of the states around all observed cells.
    pub fn new(observed: &Observed, field: &Field<'_>) -> Self {
        let moving: Vec<usize> = field.moving().collect();
        let mut states = Matrix::filled(observed.cells().len(), moving.len(), 0.0);
        let rows = states.data_mut().par_chunks_exact_mut(moving.len().max(1));
        rows.enumerate().for_each(|(cell, row)| {
            let state = observed.state(cell);
            row.iter_mut().zip(&moving).for_each(|(x, gene)| *x = state[*gene]);
        });
        Self { states }
    }

    /// Returns which of the neighbours of an observed cell and theirs lie ahead, where a step moves by `velocity`, [moving genes].
    /// The weight is that of a velocity graph: `exp(10 cos) - 1` of the angle between the velocity and the way there, over signed
    /// square roots.
    pub fn of(&self, observed: &Observed, from: usize, velocity: &[f64]) -> Vec<Way> {
        let roots = centred(velocity);
        let speed = length(velocity);
        let here = self.states.row(from);
        let way = |to: u32| {
            let there = self.states.row(to as usize).iter();
            let way: Vec<f64> = there.zip(here).map(|(to, from)| f64::from(*to) - f64::from(*from)).collect();
            let cosine = cosine(&centred(&way), &roots);
            let steps = length(&way) * cosine / speed;
            (cosine > 0.0).then(|| Way { cell: to, weight: (SHARPNESS * cosine).exp_m1(), steps })
        };
        observed.ring(from).into_iter().filter_map(way).collect()
    }
}

/// Draws a way by its weight; none of none.
pub fn drawn(ways: &[Way], stream: &mut Stream) -> Option<Way> {
    let mut left = stream.uniform() * ways.iter().map(|way| way.weight).sum::<f64>();
    let found = ways.iter().find(|way| {
        left -= way.weight;
        left < 0.0
    });
    found.or(ways.last()).copied()
}

/// Returns the way with the largest weight, the first of equals; none of none.
pub fn best(ways: &[Way]) -> Option<Way> {
    ways.iter().copied().reduce(|best, way| if way.weight > best.weight { way } else { best })
}

/// Returns signed square roots, less their mean.
fn centred(values: &[f64]) -> Vec<f64> {
    let mut roots: Vec<f64> = values.iter().map(|x| x.abs().sqrt().copysign(*x)).collect();
    let mean = roots.iter().sum::<f64>() / roots.len().max(1) as f64;
    roots.iter_mut().for_each(|x| *x -= mean);
    roots
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// Returns the cosine of two vectors; 0 where one has no length.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let lengths = length(a) * length(b);
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_weights() {
        let way = |(cell, weight)| Way { cell, weight, steps: 1.0 };
        let ways: Vec<Way> = [(3, 1.0), (8, 3.0)].map(way).to_vec();
        let drawn: Vec<u32> = (0..4000)
            .filter_map(|key| drawn(&ways, &mut Stream::new(1, "test", 0, key)))
            .map(|way| way.cell)
            .collect();
        let share = drawn.iter().filter(|cell| **cell == 8).count() as f64 / 4000.0;
        assert!(drawn.len() == 4000 && (share - 0.75).abs() < 0.03, "{share}");
        assert_eq!(best(&ways).map(|way| way.cell), Some(8));
        assert_eq!((super::drawn(&[], &mut Stream::new(1, "test", 0, 0)), best(&[])), (None, None));
    }
}
