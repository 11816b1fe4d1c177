//! Counts of any modality as a distribution to draw from.

use mfdoom_error::Result;
use mfdoom_train::TrainingCells;

use super::{Chosen, Task, counts};
use crate::config::PathUse;
use crate::likelihood::DecoderLoss;

/// The task `generative`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Generative;

impl Task for Generative {
    fn name(&self) -> &'static str {
        "generative"
    }

    fn losses(&self) -> &'static [DecoderLoss] {
        &[DecoderLoss::Nb, DecoderLoss::Zinb]
    }

    fn path(&self) -> PathUse {
        PathUse::Trained
    }

    fn is_linear(&self) -> bool {
        true
    }

    fn read(&self, names: &[String], loss: DecoderLoss, cells: &TrainingCells) -> Result<Chosen> {
        counts(names, loss, cells)
    }
}
