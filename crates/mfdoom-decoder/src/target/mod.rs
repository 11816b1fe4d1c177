//! What each cell should be decoded to. What was not observed is masked, never zero.

mod chains;
mod counts;
mod join;
mod labels;
mod times;
mod transitions;
mod values;

use std::fmt::Debug;

use candle_core::{DType, Device, Result, Tensor};
use mfdoom_train::TrainingCells;

pub use self::chains::{Chains, NextCounts, Transitions};
pub use self::counts::CountTargets;
pub use self::join::{JoinReport, read_velocities};
pub use self::labels::LabelTargets;
pub use self::times::transitions_by_time;
pub use self::transitions::read_transitions;
pub use self::values::GeneValues;
use crate::likelihood::{Target, Values};

/// Targets of all cells.
pub trait Targets: Debug {
    /// Whether a cell has a target.
    fn has(&self, cells: &TrainingCells, cell: usize) -> bool;

    /// Returns the target of a batch.
    ///
    /// # Errors
    /// Where the device has no memory left.
    fn of(&self, cells: &TrainingCells, batch: &[usize], device: &Device) -> Result<Target>;

    /// Returns what a regression fits, by cell and output, NaN where there is none: real values, log-normalised counts
    /// for counts, and nothing for labels.
    fn dense(&self, cells: &TrainingCells, batch: &[usize]) -> Vec<f32>;

    /// Is told the training cells: keeps the outputs that some of them have, and returns which; nothing where all are.
    fn keep_known(&mut self, _training: &[usize]) -> Option<Vec<usize>> {
        None
    }

    /// Returns a chain that begins at each of some cells of one side, where what is learned is the cell that follows. It
    /// depends on the cell, the seed and the number of the draw alone.
    fn chains(&self, _starts: &[usize], _key: (u64, u64)) -> Option<Chains> {
        None
    }

    /// Whether outputs are the genes of the vocabulary, some of which may be hidden from the input and scored apart.
    fn are_counts(&self) -> bool {
        false
    }
}

/// Returns real values and which of them were observed.
fn values_of(mut values: Vec<f32>, cells: usize, device: &Device) -> Result<Target> {
    let observed: Vec<f32> = values.iter().map(|v| f32::from(!v.is_nan())).collect();
    values.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = 0.0);
    let shape = (cells, values.len() / cells.max(1));
    let tensor = |v: Vec<f32>| Tensor::from_vec(v, shape, device)?.to_dtype(DType::F32);
    Ok(Target::Values(Values { values: tensor(values)?, observed: tensor(observed)? }))
}
