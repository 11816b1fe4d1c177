//! Classes to learn from, where an objective wants some.

use mfdoom_error::{Error, Result};
use mfdoom_model::{ModelConfig, Objective};
use mfdoom_train::{Split, TrainingCells, classes_of, clusters_of_start};

use crate::anchor;
use crate::args::Args;

/// Class of each cell, where it is known; none where no objective looks at classes.
pub(crate) type Classes = Vec<Option<u32>>;

/// Whether an objective learns from classes.
pub(crate) fn are_wanted(config: &ModelConfig) -> bool {
    config.weight(Objective::PseudoSupervision) > 0.0
}

/// Number of classes that training remembers something of.
pub(crate) fn number(config: &ModelConfig) -> usize {
    if are_wanted(config) { config.classes } else { 0 }
}

/// Finds the class of every cell and enters their number into the configuration.
///
/// # Errors
/// Those of the column or of the closed form. Usage: the model to start from tells other classes apart.
pub(crate) fn find(
    args: &Args,
    (cells, split): (&TrainingCells, &Split),
    config: &mut ModelConfig,
) -> Result<Classes> {
    if !are_wanted(config) {
        return Ok(Vec::new());
    }
    let found = match &args.model.label {
        Some(column) => classes_of(cells, &split.training, column),
        None => clusters_of_start(cells, &split.training, (&anchor::options(&args.anchor), args.seed.seed)),
    };
    let (classes, n) = found?;
    if args.init.is_some() && config.classes != n {
        return Err(Error::usage("the model to start from tells other classes apart")
            .found(format!("{n} classes"))
            .wanted(config.classes.to_string()));
    }
    tracing::info!("{n} classes to learn from");
    config.classes = n;
    Ok(classes)
}
