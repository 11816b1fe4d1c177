//! Velocity of each gene, from velocity folders or tables.

use std::path::PathBuf;

use mfdoom_error::{Error, Result};
use mfdoom_train::TrainingCells;

use super::{Chosen, Draws, Needs, Table, Task};
use crate::config::{DecoderConfig, PathUse};
use crate::likelihood::DecoderLoss;
use crate::target::read_velocities;

/// The task `velocity`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Velocity;

impl Task for Velocity {
    fn name(&self) -> &'static str {
        "velocity"
    }

    fn losses(&self) -> &'static [DecoderLoss] {
        &[DecoderLoss::Mse, DecoderLoss::Huber]
    }

    fn path(&self) -> PathUse {
        PathUse::Kept
    }

    fn is_of_directions(&self) -> bool {
        true
    }

    fn landmarks(&self) -> usize {
        4096
    }

    fn needs(&self, names: &[String]) -> Result<Needs> {
        match names.is_empty() {
            true => Err(Error::usage("--targets: no velocities to learn from")
                .wanted("velocity folders of mfdoom-velocity fit, or tables")
                .help("--task velocity --targets velocity/")),
            false => Ok(Needs { ids: true, ..Needs::default() }),
        }
    }

    fn read(&self, names: &[String], _: DecoderLoss, cells: &TrainingCells) -> Result<Chosen> {
        let paths: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
        let (values, report) = read_velocities(&paths, cells)?;
        tracing::info!(
            "{} of the {} cells with velocities are among the {} cells with tokens; the model knows {} of their {} genes",
            report.joined,
            report.rows,
            cells.len(),
            report.known_genes,
            values.genes.len()
        );
        let counted = |m: &usize| cells.tokens(*m).library_size.iter().any(|size| *size > 0.0);
        Ok(Chosen {
            genes: values.genes.clone(),
            targets: Box::new(values),
            names: vec!["velocity".into()],
            classes: Vec::new(),
            libraries: (0..cells.modalities.len()).filter(counted).collect(),
            inputs: report.inputs,
        })
    }

    fn table(&self, _: &DecoderConfig, _: Option<Draws>) -> Result<Table> {
        Err(Error::incompatible("the decoder predicts velocities")
            .wanted("a decoder of expression, counts or labels")
            .help("mfdoom-velocity predict TOKENS --model MODEL --decoder DECODER -o velocity/"))
    }
}
