//! The command line of `mfdoom-pretrain`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as Group, Parser};
use mfdoom_cli::{CommonArgs, DeviceArgs, OutputArgs, SeedArgs};
use mfdoom_model::{Among, Choice, Fusion, Negatives, Objective, Preset, Temperature, ValueTransform};
use mfdoom_train::Training;
use serde::Serialize;

use crate::anchor::AnchorArgs;
use crate::family::FAMILY;

/// Trains the multimodal model on token tables.
///
/// Tables may differ in modalities and genes: the model takes all of both, and each batch mixes cells with
/// all, some or one modality. The result is a folder with config.json, model.safetensors, vocab.json,
/// metrics.parquet, manifest.json and README.md.
#[derive(Clone, Debug, Parser)]
#[command(name = "mfdoom-pretrain", version)]
pub struct Args {
    /// Token tables of mfdoom-preprocess; - is standard input
    #[arg(value_name = "TOKENS")]
    pub tokens: Vec<PathBuf>,

    /// Start from the weights of this model, with its sizes, modalities and vocabulary
    #[arg(long, value_name = "MODEL", help_heading = "Model", conflicts_with_all = ["family", "preset", "fusion", "value_transform", "max_value", "separate_genes", "fusion_tokens"])]
    pub init: Option<PathBuf>,

    /// What the model is made of.
    #[command(flatten)]
    pub model: ModelArgs,

    /// The closed-form model of the same cells.
    #[command(flatten)]
    pub anchor: AnchorArgs,

    /// How it is trained.
    #[command(flatten)]
    pub training: TrainingArgs,

    /// Go on from the checkpoint that an interrupted run left at MODEL.checkpoint; begin where there is none
    #[arg(long, help_heading = "Running")]
    pub resume: bool,

    /// Write a checkpoint after every so many steps, and after every epoch
    #[arg(long, value_name = "STEPS", default_value_t = 200, value_parser = mfdoom_cli::positive::<u64>, help_heading = "Running")]
    pub checkpoint_every: u64,

    /// Seed of the random streams.
    #[command(flatten)]
    pub seed: SeedArgs,

    /// Where tensors live.
    #[command(flatten)]
    pub device: DeviceArgs,

    /// Where the output goes.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Configuration, threads, memory, logs.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What the model is made of.
#[derive(Clone, Debug, Group, Serialize)]
pub struct ModelArgs {
    /// Take the scheme, objectives and training of a published system; every other flag stands above it
    ///
    /// The files of presets/ say what each sets and from which source. Sizes are those of --preset.
    #[arg(long, value_name = "SYSTEM", value_parser = PossibleValuesParser::new(FAMILY.names()), help_heading = "Model")]
    pub family: Option<String>,

    /// Size
    #[arg(long, value_name = "NAME", default_value_t = Preset::Tiny, value_parser = choice::<Preset>(), help_heading = "Model")]
    pub preset: Preset,

    /// Who reads what
    #[arg(long, value_name = "SCHEME", default_value_t = Fusion::LeaveOneOut, value_parser = choice::<Fusion>(), help_heading = "Model")]
    pub fusion: Fusion,

    /// Learned tokens of a fusion block [default: of the preset]
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::positive::<usize>, help_heading = "Model")]
    pub fusion_tokens: Option<usize>,

    /// Rows of a modality that carry its coordinates in the closed form, its library size and its number of genes
    ///
    /// Decoders do not look at them, since they carry all genes of a cell, also those that a decoder is asked for.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = mfdoom_cli::count::<usize>, help_heading = "Model")]
    pub profile_tokens: usize,

    /// How a count becomes a value
    #[arg(long, value_name = "NAME", default_value_t = ValueTransform::Log1p, value_parser = choice::<ValueTransform>(), help_heading = "Model")]
    pub value_transform: ValueTransform,

    /// Clamp counts to this before any transform
    #[arg(long, value_name = "COUNT", default_value_t = 10_000.0, value_parser = mfdoom_cli::above_zero, help_heading = "Model")]
    pub max_value: f64,

    /// Use a gene table for each modality instead of one for all
    ///
    /// Separate tables need many more cells to teach them what the modalities have in common.
    #[arg(long, help_heading = "Model")]
    pub separate_genes: bool,

    /// Tokens that a cell keeps of a modality; 0 leaves the profile tokens alone [default: of the preset]
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::count::<usize>, help_heading = "Model")]
    pub max_tokens: Option<usize>,

    #[arg(long = "objective", value_name = "NAME=WEIGHT", value_parser = objective, help_heading = "Objectives", help = objectives())]
    #[allow(missing_docs, reason = "the help lists what there is")]
    pub objectives: Vec<(Objective, f64)>,

    /// Outputs that the contrastive objective compares: modalities, these and fusion, or these and fusion with every block
    #[arg(long, value_name = "WHICH", default_value_t = Among::Fusion, value_parser = choice::<Among>(), help_heading = "Objectives")]
    pub among: Among,

    /// Weight of every term of the combinatorial objective but that of the first two modalities
    #[arg(long, value_name = "WEIGHT", default_value_t = 1.0, value_parser = mfdoom_cli::above_zero, help_heading = "Objectives")]
    pub other_pairs: f64,

    /// Obs column of the classes of pseudo-supervision [default: clusters of the closed form]
    #[arg(long, value_name = "COLUMN", help_heading = "Objectives")]
    pub label: Option<String>,

    /// Obs columns of numbers that pseudo-supervision predicts in place of classes
    ///
    /// Each is brought to mean 0 and variance 1 over the training cells; cells that lack one are not asked for.
    #[arg(
        long = "target",
        value_name = "COLUMN",
        value_delimiter = ',',
        conflicts_with = "label",
        help_heading = "Objectives"
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,

    /// Velocities of the cells, a folder or table, that pseudo-supervision predicts in place of classes
    ///
    /// Their 32 leading principal components over the training cells are what is predicted.
    #[arg(long, value_name = "velocity/", conflicts_with_all = ["label", "targets"], help_heading = "Objectives")]
    #[serde(skip)]
    pub velocity: Option<PathBuf>,

    /// Negatives of the contrastive objective: cells that have both sides, or all
    #[arg(long, value_name = "WHICH", default_value_t = Negatives::Present, value_parser = choice::<Negatives>(), help_heading = "Objectives")]
    pub negatives: Negatives,

    /// Temperatures of the contrastive objective: one, or one for each pair
    #[arg(long, value_name = "WHICH", default_value_t = Temperature::Shared, value_parser = choice::<Temperature>(), help_heading = "Objectives")]
    pub temperature: Temperature,
}

/// How it is trained.
#[derive(Clone, Debug, Group, Serialize)]
pub struct TrainingArgs {
    /// What training is told by every stage.
    #[command(flatten)]
    #[serde(flatten)]
    pub shared: Training,

    /// Never show all modalities of a cell at once
    #[arg(long, help_heading = "Training")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hide_one: bool,

    /// Share of a cell's tokens that is hidden, anew in every epoch
    #[arg(long, value_name = "P", default_value_t = 0.5, value_parser = mfdoom_cli::share, help_heading = "Training")]
    pub token_dropout: f64,
}

/// Takes one of the names that a setting can have.
fn choice<T: Choice + Send + Sync>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(T::names()).try_map(|name| name.parse())
}

fn objectives() -> String {
    format!(
        "Objectives and their weights, of {} [default: contrastive and invariance 1]",
        Objective::names().join(", ")
    )
}

fn objective(text: &str) -> Result<(Objective, f64), String> {
    let (name, weight) = text.split_once('=').ok_or("not NAME=WEIGHT")?;
    let weight: f64 = weight.parse().map_err(|_| format!("'{weight}' is not a number"))?;
    match weight >= 0.0 && weight.is_finite() {
        true => Ok((name.parse()?, weight)),
        false => Err(format!("weight {weight} is negative")),
    }
}
