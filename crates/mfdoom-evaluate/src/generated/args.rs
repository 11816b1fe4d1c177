//! Arguments of `mfdoom-evaluate generated`.

use std::path::PathBuf;

use clap::Parser;
use serde::Serialize;

use crate::shared::RunArgs;

/// Arguments of `mfdoom-evaluate generated`.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_long_help = JSON)]
pub struct GeneratedArgs {
    /// Counts that mfdoom-decode --sample or mfdoom-generate drew, its folder, or any table of tokens; - is standard input
    #[arg(value_name = "GENERATED")]
    #[serde(skip)]
    pub generated: Option<PathBuf>,

    /// Token table of real cells that generation has not seen
    #[arg(long, value_name = "TOKENS", help_heading = "Input")]
    #[serde(skip)]
    pub real: PathBuf,

    /// Token table of training cells: scored too, as the best that can be, and a plain generator learns from them
    #[arg(long, value_name = "TOKENS", help_heading = "Input")]
    #[serde(skip)]
    pub train: Option<PathBuf>,

    /// Obs column of the labels: each is scored by itself too
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub label: Option<String>,

    /// Column of the generated table, such as step: its values are scored by themselves too, each next to real cells with the
    /// same shares of the labels
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub per: Option<String>,

    /// Number of principal components of the two samples together
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub components: usize,

    /// Score at most this many cells of either sample, drawn by the seed
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub max_cells: usize,

    /// Outputs, seed, running.
    #[command(flatten)]
    #[serde(flatten)]
    pub run: RunArgs,
}

/// What `metrics.json` holds.
const JSON: &str = "\
metrics.json:
  settings, inputs, cells
  scores[]           set (all, or a label), head (generated, and what it is compared with), from (the modality), n, name,
                     value, reason, low, high
    mmd, auroc_forest, auroc_logistic, precision, recall, milisi   on joint principal components of log-normalised counts
    gene_mean_spearman, gene_variance_spearman, gene_zeros_difference

Compared with: training cells, which are real (control), and nb_per_label, a negative binomial fitted to the training cells of
each label, of their library sizes (baseline). Without training cells, one half of the real cells next to the other. With --per
each value of that column is a set too, such as 'step 3'.";
