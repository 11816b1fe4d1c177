//! Arguments of `mfdoom-evaluate retention`.

use std::path::PathBuf;

use clap::Parser;
use mfdoom_cli::{Assignment, DeviceArgs};
use serde::Serialize;

use crate::shared::{RunArgs, ScoreArgs};

/// Arguments of `mfdoom-evaluate retention`.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_long_help = JSON)]
pub struct RetentionArgs {
    /// Token table of the cells
    #[arg(value_name = "TOKENS")]
    #[serde(skip)]
    pub tokens: PathBuf,

    /// Folder of a model trained by mfdoom-pretrain
    #[arg(long, value_name = "MODEL", help_heading = "Input")]
    #[serde(skip)]
    pub model: PathBuf,

    /// Obs column of the labels; cells without one are left out of scores of labels
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub label: String,

    /// Obs column of donors or data sets: each is scored by itself too, and stands for the batch
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub group_key: Option<String>,

    /// Take labels from the cells with these values only, embedded from all of their modalities, and never from cells of
    /// the same group [default: from the other folds, embedded alike]
    #[arg(long, value_name = "COLUMN=VALUE[,VALUE]", help_heading = "Input")]
    pub reference_key: Option<Assignment>,

    /// Heads to score
    #[arg(
        long = "head",
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "fusion",
        help_heading = "Input"
    )]
    pub heads: Vec<String>,

    /// Folds, neighbours, components.
    #[command(flatten)]
    #[serde(flatten)]
    pub scores: ScoreArgs,

    /// Score at most this many cells, drawn by the seed
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub max_cells: usize,

    /// Score the heads alone, without plain embeddings of the counts next to them
    ///
    /// They do not depend on the model: of many models of the same cells one call with them is enough.
    #[arg(long, help_heading = "Scores")]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_baselines: bool,

    /// Where tensors live.
    #[command(flatten)]
    #[serde(skip)]
    pub device: DeviceArgs,

    /// Outputs, seed, running.
    #[command(flatten)]
    #[serde(flatten)]
    pub run: RunArgs,
}

/// What `metrics.json` holds.
const JSON: &str = "\
metrics.json: as that of `embedding`, with
    set              all cells, those with some of the modalities, and each group of --group-key
    head, from       the head and the modalities that the cells were embedded from
    against          the modalities of the other side, for retrieval, alignment and foscttm of the same cells
    accuracy_logistic, balanced_accuracy_logistic    label transfer by logistic regression, one label against the rest
    accuracy_retention, balanced_accuracy_retention, avg_bio_retention   share of the score from all modalities, same cells";
