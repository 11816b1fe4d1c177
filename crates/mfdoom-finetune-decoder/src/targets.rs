//! What the cells should be decoded to, from the command line.

use std::path::PathBuf;

use mfdoom_artifact::{Gene, InputId};
use mfdoom_error::{Error, Result};
use mfdoom_model::decoder::{DecoderLoss, DecoderTask};
use mfdoom_train::{Cells, CountTargets, LabelTargets, Targets, read_velocities};

use crate::args::Args;

/// Targets, and what of them goes into the configuration.
pub struct Chosen {
    pub targets: Targets,
    /// What is predicted: modalities, `velocity` or a column.
    pub names: Vec<String>,
    /// Genes of the outputs.
    pub genes: Vec<Gene>,
    pub classes: Vec<String>,
    /// Tables of targets, for the manifest.
    pub inputs: Vec<InputId>,
}

/// Returns the loss that was asked for, or the default of the task.
pub fn loss(args: &Args) -> DecoderLoss {
    args.decoder.loss.unwrap_or(args.decoder.task.losses()[0])
}

/// Returns the obs column that holds the labels, for classification.
///
/// # Errors
/// Usage, where there is not exactly one.
pub fn label_column(args: &Args) -> Result<Option<&str>> {
    match (args.decoder.task, args.targets.as_slice()) {
        (DecoderTask::Classification, [column]) => Ok(Some(column)),
        (DecoderTask::Classification, other) => Err(Error::usage("--targets: one obs column of labels")
            .found(format!("{} columns", other.len()))
            .help("--task classification --targets COLUMN")),
        _ => Ok(None),
    }
}

/// Reads the targets of the cells.
///
/// # Errors
/// Usage: none were named, or a modality that the model does not have. Contract: they do not fit the cells.
pub fn read(args: &Args, cells: &Cells) -> Result<Chosen> {
    match args.decoder.task {
        DecoderTask::Velocity => velocities(args, cells),
        DecoderTask::Classification => labels(label_column(args)?.unwrap_or_default(), cells),
        DecoderTask::Expression | DecoderTask::Generative => counts(args, cells),
    }
}

fn velocities(args: &Args, cells: &Cells) -> Result<Chosen> {
    if args.targets.is_empty() {
        return Err(Error::usage("--targets: no velocities to learn from")
            .wanted("velocity folders of mfdoom-velocity fit, or tables")
            .help("--task velocity --targets velocity/"));
    }
    let paths: Vec<PathBuf> = args.targets.iter().map(PathBuf::from).collect();
    let (values, report) = read_velocities(&paths, cells)?;
    tracing::info!(
        "{} of the {} cells with velocities are among the {} cells with tokens; the model knows {} of their {} genes",
        report.joined,
        report.rows,
        cells.len(),
        report.known_genes,
        values.genes.len()
    );
    Ok(Chosen {
        genes: Vec::new(),
        targets: Targets::Values(values),
        names: vec!["velocity".into()],
        classes: Vec::new(),
        inputs: report.inputs,
    })
}

fn labels(column: &str, cells: &Cells) -> Result<Chosen> {
    let targets = LabelTargets::from_obs(cells, column);
    let labelled = targets.label.iter().flatten().count();
    if targets.classes.len() < 2 {
        return Err(Error::contract(format!("column {column}: labels that cannot be told apart"))
            .found(format!("{} labels in {labelled} cells", targets.classes.len()))
            .wanted("at least 2 labels"));
    }
    tracing::info!("{} labels in {labelled} of {} cells", targets.classes.len(), cells.len());
    Ok(Chosen {
        classes: targets.classes.clone(),
        targets: Targets::Labels(targets),
        names: vec![column.to_owned()],
        genes: Vec::new(),
        inputs: Vec::new(),
    })
}

fn counts(args: &Args, cells: &Cells) -> Result<Chosen> {
    let names = if args.targets.is_empty() { cells.modalities.clone() } else { args.targets.clone() };
    let number = |name: &String| {
        cells.modalities.iter().position(|m| m == name).ok_or_else(|| {
            Error::usage(format!("--targets: the model knows no modality '{name}'"))
                .wanted(cells.modalities.join(", "))
        })
    };
    let modalities: Vec<usize> = names.iter().map(number).collect::<Result<_>>()?;
    for (name, m) in names.iter().zip(&modalities) {
        if !(0..cells.len()).any(|cell| cells.tokens(*m).library_size[cell] > 0.0) {
            return Err(Error::contract(format!("--targets: no cell has counts of '{name}'"))
                .help("name the modalities that some of the tokens have"));
        }
    }
    let counts = CountTargets { modalities };
    Ok(Chosen {
        targets: match loss(args).is_of_counts() {
            true => Targets::Counts(counts),
            false => Targets::LogCounts(counts),
        },
        names,
        genes: cells.vocabulary.genes().to_vec(),
        classes: Vec::new(),
        inputs: Vec::new(),
    })
}
