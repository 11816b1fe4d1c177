//! Counts of any modality as a profile, also of genes hidden from the input and of modalities that a cell lacks.

use mfdoom_error::Result;
use mfdoom_train::TrainingCells;

use super::{Chosen, Task, counts};
use crate::config::PathUse;
use crate::likelihood::DecoderLoss;

/// The task `expression`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expression;

impl Task for Expression {
    fn name(&self) -> &'static str {
        "expression"
    }

    fn losses(&self) -> &'static [DecoderLoss] {
        &[DecoderLoss::Nb, DecoderLoss::Zinb, DecoderLoss::Mse]
    }

    fn path(&self) -> PathUse {
        PathUse::Trained
    }

    fn hidden_genes(&self) -> f64 {
        0.2
    }

    fn is_linear(&self) -> bool {
        true
    }

    fn read(&self, names: &[String], loss: DecoderLoss, cells: &TrainingCells) -> Result<Chosen> {
        counts(names, loss, cells)
    }
}
