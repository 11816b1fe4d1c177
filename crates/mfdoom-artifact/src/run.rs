//! A training run as others see it: how far it has come, and who watches it.
//!
//! The types stand below both sides: training reports to an [`Observer`], and the command line is one.

use serde::{Deserialize, Serialize};

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Steps made.
    pub step: u64,
    /// Whole epochs made.
    pub epoch: u64,
    /// Batches made in the present epoch.
    pub batch: u64,
}

/// Sees what happens in a run, and may stop it.
pub trait Observer {
    /// A run begins at a step, of `cells` cells in all.
    fn begin(&mut self, position: Position, cells: u64);
    /// A step was made over `cells` cells with this loss.
    fn step(&mut self, cells: usize, loss: f64);
    /// An epoch has ended with these validation scores.
    fn epoch(&mut self, epoch: u64, scores: &[(String, f64)]);
    /// Returns the signal that asks the run to stop after a checkpoint.
    fn stop(&self) -> Option<i32>;
}
