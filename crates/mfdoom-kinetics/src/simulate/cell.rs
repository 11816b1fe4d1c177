//! Where a cell stands on the tree, and how well its molecules were captured.

use rand::Rng;
use rand_distr::{Distribution, LogNormal};

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
const CAPTURE_SPREAD: f64 = 0.25;

impl Cell {
    /// Draws cell number `index`: fate and time uniform, capture log-normal around the design's mean.
    pub(crate) fn sample(design: &Design, tree: &Tree, index: usize) -> Self {
        let mut rng = stream(design.seed, Purpose::Cell, index);
        let fate = rng.random_range(0..tree.n_fates() as u32) as usize;
        let time = rng.random::<f64>() * tree.end();
        let mean = design.capture.ln() - CAPTURE_SPREAD * CAPTURE_SPREAD / 2.0;
        let capture = LogNormal::new(mean, CAPTURE_SPREAD).map_or(design.capture, |d| d.sample(&mut rng));
        Self {
            batch: design.batch_of_cell(index),
            fate,
            branch: tree.branch_at(fate, time),
            time,
            capture: capture.min(1.0),
        }
    }
}
