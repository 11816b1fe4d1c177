//! Arguments of `mfdoom-evaluate expression`.

use std::path::PathBuf;

use clap::Parser;
use mfdoom_cli::{CommonArgs, OutputArgs, SeedArgs};

/// Arguments of `mfdoom-evaluate expression`.
#[derive(Clone, Debug, Parser)]
#[command(after_long_help = JSON)]
pub struct ExpressionArgs {
    /// Profiles of mfdoom-decode, or any table of ln(1 + 1e4 x share) that lists its genes; - is standard input
    #[arg(value_name = "PREDICTIONS")]
    pub predictions: Option<PathBuf>,

    /// Token table of the same cells, with the counts that were measured
    #[arg(long, value_name = "TOKENS", help_heading = "Input")]
    pub tokens: PathBuf,

    /// Token table of the training cells: dispersions and baselines are learnt from them
    #[arg(long, value_name = "TOKENS", help_heading = "Input", requires = "input")]
    pub train: Option<PathBuf>,

    /// Modality that the predictions were made from, which the baselines see
    #[arg(long, value_name = "MODALITY", help_heading = "Input", requires = "train")]
    pub input: Option<String>,

    /// Score, and learn from, at most this many cells, drawn by the seed: memory grows with cells x genes
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub max_cells: usize,

    /// Write a page with tables (HTML, nothing to load)
    #[arg(long, value_name = "report.html", help_heading = "Output")]
    pub report: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: OutputArgs,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub seed: SeedArgs,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: CommonArgs,
}

/// What `metrics.json` holds.
const JSON: &str = "\
metrics.json:
  settings, inputs   what decides the numbers
  cells              predicted, drawn of these, found in the tokens (matched), training
  modalities[]       each predicted one: cells scored, without counts, genes, and for the prediction and each baseline
    pearson          per gene over cells, of ln(1 + 1e4 x share): median, q25, q75
    deviance         negative-binomial, mean over cells and genes
    explained        1 - deviance / deviance of the mean-gene model

Deviance: 2 [y ln(y / mu) - (y + 1 / phi) ln((1 + phi y) / (1 + phi mu))], mu = share x library size. A gene has one phi for
all methods, of moments under the mean-gene model, from the training cells, or the scored ones without. As one count would
refute a share of 0, every method's shares are mixed with 1 % of the mean-gene share.
Baselines: mean (share of each gene), ridge_pca50 (log-normalised values from 50 components), knn30_pca30 (mean share of the
30 nearest in 30 components, and of the mean cell).";
