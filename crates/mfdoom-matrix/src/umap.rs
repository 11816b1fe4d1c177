//! UMAP: an embedding of a neighbour graph in few dimensions (McInnes, Healy, Melville 2018).
//!
//! The layout is that of umap-learn 0.5 with a seed: attraction along the edges in turn, repulsion from cells drawn at
//! random, on one thread, since each step builds on the one before. Of the libraries looked at none takes a seed and
//! gives the same positions for it. Several seeds may be laid out side by side on as many threads.
//!
//! The graph is given: symmetric memberships in (0, 1], as a fuzzy union of neighbours has them.

use rand::{Rng, RngCore};
use rand_chacha::ChaCha8Rng;

use crate::csr::Csr;
use crate::dense::Matrix;
use crate::error::{Result, at_least, same};
use crate::random::{Purpose, generator};

/// Curve 1 / (1 + a d^2b) of memberships over distances: umap-learn's fit for min_dist 0.5 and spread 1, as scanpy has it.
const A: f32 = 0.583_030;
const B: f32 = 1.334_167;
/// Cells that push for each that pulls.
const REPULSIONS: f64 = 5.0;
/// Largest move along a coordinate, times the rate.
const CLIP: f32 = 4.0;
/// Side of the square that the start is scaled to, and how far equal points are moved apart in it.
const SIDE: f32 = 10.0;
const JITTER: f32 = 1e-3;
/// Epochs for up to so many cells, and for more.
const EPOCHS: [usize; 2] = [500, 200];
const MANY: usize = 10_000;

/// Lays out a graph.
///
/// `graph` [n, n] holds symmetric memberships, `start` [n, dim] where the cells begin, such as the first principal
/// components; it is scaled to a square. The result [n, dim] depends on the seed and on nothing else.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape): graph and start differ in cells; [`Error::TooFew`](crate::Error::TooFew):
/// fewer than two cells; [`Error::NotFinite`](crate::Error::NotFinite).
pub fn umap(graph: &Csr, start: &Matrix, seed: u64) -> Result<Matrix> {
    let n = start.n_rows();
    at_least("cells", n, 2)?;
    same("rows of the graph", graph.n_rows(), n)?;
    same("columns of the graph", graph.n_cols(), n)?;
    start.check_finite()?;
    let epochs = EPOCHS[usize::from(n > MANY)];
    let mut random = generator(seed, Purpose::Umap);
    let mut layout = Layout { dim: start.n_cols(), points: scaled(start, &mut random), n };
    let mut edges = edges(graph, epochs);
    for epoch in 0..epochs {
        let rate = 1.0 - epoch as f32 / epochs as f32;
        edges.iter_mut().for_each(|edge| edge.visit(epoch as f64, rate, &mut layout, &mut random));
    }
    Matrix::new(layout.points, n, start.n_cols())
}

/// Returns the start, each coordinate scaled to the same range, equal points moved apart.
fn scaled(start: &Matrix, random: &mut ChaCha8Rng) -> Vec<f32> {
    let dim = start.n_cols();
    let along = |axis: usize| start.data().iter().skip(axis).step_by(dim).copied();
    let ranges: Vec<(f32, f32)> = (0..dim)
        .map(|axis| {
            (along(axis).fold(f32::INFINITY, f32::min), along(axis).fold(f32::NEG_INFINITY, f32::max))
        })
        .collect();
    let place = |(at, &value): (usize, &f32)| {
        let (low, high) = ranges[at % dim];
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        SIDE * share + random.random_range(-JITTER..JITTER)
    };
    start.data().iter().enumerate().map(place).collect()
}

/// An edge and the epochs at which it is visited next.
struct Edge {
    from: u32,
    to: u32,
    period: f64,
    next: f64,
    next_repulsion: f64,
}

/// Returns the edges that are visited at all: one of full weight in every epoch, others in proportion.
fn edges(graph: &Csr, epochs: usize) -> Vec<Edge> {
    let rows = || (0..graph.n_rows()).map(|row| graph.row(row));
    let largest = rows().flat_map(|(_, weights)| weights.iter().copied()).fold(0.0, f32::max);
    let least = largest / epochs as f32;
    let mut edges = Vec::new();
    for (from, (columns, weights)) in rows().enumerate() {
        for (&to, &weight) in columns.iter().zip(weights) {
            if weight > 0.0 && weight >= least && to as usize != from {
                let period = f64::from(largest / weight);
                let next_repulsion = period / REPULSIONS;
                edges.push(Edge { from: from as u32, to, period, next: period, next_repulsion });
            }
        }
    }
    edges
}

impl Edge {
    /// Moves the ends together, and the first away from others, where the edge is due.
    fn visit(&mut self, epoch: f64, rate: f32, layout: &mut Layout, random: &mut ChaCha8Rng) {
        if self.next > epoch {
            return;
        }
        let (from, to) = (self.from as usize, self.to as usize);
        layout.attract(from, to, rate);
        self.next += self.period;
        let each = self.period / REPULSIONS;
        let due = ((epoch - self.next_repulsion) / each).max(0.0) as usize;
        for _ in 0..due {
            let other = (u64::from(random.next_u32()) * layout.n as u64) >> 32;
            if other as usize != from {
                layout.repel(from, other as usize, rate);
            }
        }
        self.next_repulsion += due as f64 * each;
    }
}

/// Positions of the cells.
struct Layout {
    dim: usize,
    n: usize,
    points: Vec<f32>,
}

impl Layout {
    fn square_distance(&self, a: usize, b: usize) -> f32 {
        (0..self.dim)
            .map(|axis| (self.points[a * self.dim + axis] - self.points[b * self.dim + axis]).powi(2))
            .sum()
    }

    fn attract(&mut self, from: usize, to: usize, rate: f32) {
        let square = self.square_distance(from, to);
        if square <= 0.0 {
            return;
        }
        let power = square.powf(B);
        let pull = -2.0 * A * B * power / square / (A * power + 1.0);
        for axis in 0..self.dim {
            let (a, b) = (from * self.dim + axis, to * self.dim + axis);
            let step = rate * (pull * (self.points[a] - self.points[b])).clamp(-CLIP, CLIP);
            self.points[a] += step;
            self.points[b] -= step;
        }
    }

    fn repel(&mut self, cell: usize, other: usize, rate: f32) {
        let square = self.square_distance(cell, other);
        if square <= 0.0 {
            return;
        }
        let push = 2.0 * B / ((0.001 + square) * (A * square.powf(B) + 1.0));
        for axis in 0..self.dim {
            let (a, b) = (cell * self.dim + axis, other * self.dim + axis);
            self.points[a] += rate * (push * (self.points[a] - self.points[b])).clamp(-CLIP, CLIP);
        }
    }
}
