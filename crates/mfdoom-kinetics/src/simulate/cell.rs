//! Where a cell stands on the tree, and how well its molecules were captured.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::stream::{Purpose, stream};
use super::{Design, Tree};

/// One cell, before its counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Index of the experimental batch.
    pub batch: usize,
    /// The fate it is on its way to, drawn for every cell; it shows only after the last split.
    pub fate: usize,
    /// Index of the branch, which is its cell type.
    pub branch: usize,
    /// Latent time, from 0 to the end of the tree.
    pub time: f64,
    /// Share of its molecules that was captured.
    pub capture: f64,
}

/// Standard deviation of the log capture between cells.
const CAPTURE_SPREAD: f64 = 0.3;
/// Cells further from the mean are redrawn: quality control removes them from real data.
const CAPTURE_LIMIT: f64 = 2.5;

impl Cell {
    /// Draws cell number `index`: fate and time uniform, capture log-normal around the design's mean.
    pub(crate) fn sample(design: &Design, tree: &Tree, index: usize) -> Self {
        let mut rng = stream(design.seed, Purpose::Cell, index);
        let fate = rng.random_range(0..tree.n_fates() as u32) as usize;
        let time = rng.random::<f64>() * tree.end();
        let capture = design.capture * capture_factor(&mut rng);
        let batch = design.batch_of_cell(index);
        Self { batch, fate, branch: tree.branch_at(fate, time), time, capture: capture.min(1.0) }
    }
}

/// Log-normal with mean 1, but for the cut tails.
fn capture_factor(rng: &mut ChaCha8Rng) -> f64 {
    loop {
        let deviation: f64 = StandardNormal.sample(rng);
        if deviation.abs() < CAPTURE_LIMIT {
            return (CAPTURE_SPREAD * deviation - CAPTURE_SPREAD * CAPTURE_SPREAD / 2.0).exp();
        }
    }
}
