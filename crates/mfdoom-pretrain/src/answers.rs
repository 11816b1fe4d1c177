//! What pseudo-supervision learns from: classes of cells, or numbers in place of them.

use mfdoom_error::{Error, Result};
use mfdoom_model::{ModelConfig, Objective};
use mfdoom_train::{Answers, Split, TrainingCells, classes_of, clusters_of_start, components_of, numbers_of};

use crate::anchor;
use crate::args::Args;
use crate::velocity;

/// Most principal components of velocities that are predicted.
const COMPONENTS: usize = 32;

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
    let model = &args.model;
    let given = [
        ("--label", model.label.is_some()),
        ("--target", targets(args).is_some()),
        ("--velocity", model.velocity.is_some()),
    ];
    if let (Some((option, _)), false) = (given.iter().find(|(_, given)| *given), are_wanted(config)) {
        return Err(Error::usage(format!("{option}: no objective learns from labels or numbers"))
            .help("--objective pseudo-supervision=1, or --family unseen-modality"));
    }
    if are_wanted(config) && args.init.is_none() {
        let columns = targets(args).map_or(usize::from(model.velocity.is_some()), <[String]>::len);
        (config.classes, config.numbers) = (if columns > 0 { 0 } else { 2 }, columns);
    }
    Ok(())
}

/// Returns the columns that are learned from, for the manifest.
pub(crate) fn described(args: &Args) -> Option<serde_json::Value> {
    let label = args.model.label.as_ref().map(|column| serde_json::json!({ "label": column }));
    label.or_else(|| targets(args).map(|columns| serde_json::json!({ "targets": columns })))
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
    let (training, seed) = (&split.training, args.seed.seed);
    let answers = match (targets(args), &args.model.velocity, &args.model.label) {
        (Some(columns), _, _) => numbers(numbers_of(cells, training, columns)?),
        (None, Some(path), _) => {
            numbers(components_of(&velocity::read(path, cells)?, training, COMPONENTS, seed)?)
        }
        (None, None, Some(column)) => classes(classes_of(cells, training, column)?),
        (None, None, None) => {
            classes(clusters_of_start(cells, training, (&anchor::options(&args.anchor), seed))?)
        }
    };
    let (answers, n) = answers;
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

fn numbers(numbers: Vec<Option<Vec<f32>>>) -> (Answers, (usize, usize)) {
    let width = numbers.iter().flatten().next().map_or(0, Vec::len);
    (Answers { numbers, classes: Vec::new() }, (0, width))
}

fn classes((classes, n): (Vec<Option<u32>>, usize)) -> (Answers, (usize, usize)) {
    (Answers { classes, numbers: Vec::new() }, (n, 0))
}
