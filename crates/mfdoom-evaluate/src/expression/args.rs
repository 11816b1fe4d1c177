//! Arguments of `mfdoom-evaluate expression`.

use std::path::PathBuf;

use clap::Parser;
use serde::Serialize;

use crate::shared::RunArgs;

/// Arguments of `mfdoom-evaluate expression`.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_long_help = JSON)]
pub struct ExpressionArgs {
    /// Profiles of mfdoom-decode, or any table of ln(1 + 1e4 x share) that lists its genes; - is standard input
    #[serde(skip)]
    #[arg(value_name = "PREDICTIONS")]
    pub predictions: Option<PathBuf>,

    /// Token table of the same cells, with the counts that were measured
    #[serde(skip)]
    #[arg(long, value_name = "TOKENS", help_heading = "Input")]
    pub tokens: PathBuf,

    /// Token table of the training cells: dispersions and baselines are learnt from them
    #[serde(skip)]
    #[arg(long, value_name = "TOKENS", help_heading = "Input", requires = "input")]
    pub train: Option<PathBuf>,

    /// Modality that the predictions were made from, which the baselines see
    #[arg(long, value_name = "MODALITY", help_heading = "Input", requires = "train")]
    pub input: Option<String>,

    /// Score, and learn from, at most this many cells, drawn by the seed: memory grows with cells x genes
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub max_cells: usize,

    /// Outputs, seed, running.
    #[command(flatten)]
    #[serde(flatten)]
    pub run: RunArgs,
}

/// What `metrics.json` holds.
const JSON: &str = "\
metrics.json:
  settings, inputs   what decides the numbers
  cells              predicted, drawn of these, found in the tokens (matched), training
  modalities[]       each predicted one: cells scored, without counts, training cells, genes
  scores[]           set (the modality), head (predicted and each baseline), from, n, name, value, reason, low, high
    pearson          per gene over cells, of ln(1 + 1e4 x share), of proteins of centred log-ratios: median, with pearson_q25, pearson_q75, genes that vary
    deviance         negative-binomial, mean over cells and genes
    explained        1 - deviance / deviance of the mean-gene model

Deviance: 2 [y ln(y / mu) - (y + 1 / phi) ln((1 + phi y) / (1 + phi mu))], mu = share x library size. A gene has one phi for
all methods, of moments under the mean-gene model, from the training cells, or the scored ones without. As one count would
refute a share of 0, every method's shares are mixed with 1 % of the mean-gene share.
Baselines: mean (share of each gene), ridge_pca50 (the values from 50 components), kernel_ridge_pca30 (the same
with a Gaussian kernel on 30), knn30_pca30 (mean share of the 30 nearest in 30 components, and of the mean cell).";
