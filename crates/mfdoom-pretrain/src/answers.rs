//! What pseudo-supervision learns from: classes of cells, or numbers in place of them.

use mfdoom_error::{Error, Result};
use mfdoom_model::{ModelConfig, Objective};
use mfdoom_train::{Answers, Split, TrainingCells, classes_of, clusters_of_start, numbers_of};

use crate::anchor;
use crate::args::Args;

/// Whether an objective learns from answers.
fn are_wanted(config: &ModelConfig) -> bool {
    config.weight(Objective::PseudoSupervision) > 0.0
}

/// Width of what training remembers of a cell and modality.
pub(crate) fn width(config: &ModelConfig) -> usize {
    if are_wanted(config) { config.classes.max(config.numbers) } else { 0 }
}

/// Checks what is asked for before anything is read of it, and enters as many classes as there are at least.
///
/// # Errors
/// Usage: no objective learns from it, or the model to start from learns from the other kind.
pub(crate) fn check(args: &Args, config: &mut ModelConfig) -> Result<()> {
    let asked = args.model.label.as_ref().map(|_| "--label").or_else(|| targets(args).map(|_| "--target"));
    if let (Some(option), false) = (asked, are_wanted(config)) {
        return Err(Error::usage(format!("{option}: no objective learns from labels or numbers"))
            .help("--objective pseudo-supervision=1, or --family unseen-modality"));
    }
    if are_wanted(config) && args.init.is_none() {
        (config.classes, config.numbers) = targets(args).map_or((2, 0), |columns| (0, columns.len()));
    }
    Ok(())
}

/// Finds what is known of every cell and enters its width into the configuration.
///
/// # Errors
/// Those of the columns or of the closed form. Usage: the model to start from learns from something else.
pub(crate) fn find(
    args: &Args,
    (cells, split): (&TrainingCells, &Split),
    config: &mut ModelConfig,
) -> Result<Answers> {
    if !are_wanted(config) {
        return Ok(Answers::default());
    }
    let (answers, n) = match (targets(args), &args.model.label) {
        (Some(columns), _) => (numbers(cells, split, columns)?, (0, columns.len())),
        (None, Some(column)) => classes(classes_of(cells, &split.training, column)?),
        (None, None) => {
            let options = (&anchor::options(&args.anchor), args.seed.seed);
            classes(clusters_of_start(cells, &split.training, options)?)
        }
    };
    if args.init.is_some() && (config.classes, config.numbers) != n {
        return Err(Error::usage("the model to start from learns from something else")
            .found(format!("{} classes, {} numbers", n.0, n.1))
            .wanted(format!("{} classes, {} numbers", config.classes, config.numbers)));
    }
    (config.classes, config.numbers) = n;
    tracing::info!("{} classes and {} numbers to learn from", n.0, n.1);
    Ok(answers)
}

/// Returns the columns of numbers, where there are some.
fn targets(args: &Args) -> Option<&[String]> {
    Some(args.model.targets.as_slice()).filter(|columns| !columns.is_empty())
}

fn numbers(cells: &TrainingCells, split: &Split, columns: &[String]) -> Result<Answers> {
    Ok(Answers { numbers: numbers_of(cells, &split.training, columns)?, classes: Vec::new() })
}

fn classes((classes, n): (Vec<Option<u32>>, usize)) -> (Answers, (usize, usize)) {
    (Answers { classes, numbers: Vec::new() }, (n, 0))
}
