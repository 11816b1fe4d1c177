//! Arguments that several subcommands share.

use std::path::PathBuf;

use clap::Args;
use mfdoom_cli::{CommonArgs, OutputArgs, SeedArgs};
use serde::Serialize;

/// What every subcommand takes: where its outputs go, the seed, and how it runs.
#[derive(Args, Clone, Debug, Serialize)]
pub struct RunArgs {
    /// Where `metrics.json` goes.
    #[command(flatten)]
    #[serde(skip)]
    pub output: OutputArgs,

    /// Write a page with tables and plots (HTML, nothing to load)
    #[arg(long, value_name = "report.html", help_heading = "Output")]
    #[serde(skip)]
    pub report: Option<PathBuf>,

    /// Write the rows of scores as a table too
    #[arg(long, value_name = "metrics.parquet", help_heading = "Output")]
    #[serde(skip)]
    pub table: Option<PathBuf>,

    /// Write the scores for MultiQC too
    #[arg(long, value_name = "NAME_mqc.json", help_heading = "Output")]
    #[serde(skip)]
    pub multiqc: Option<PathBuf>,

    /// Seed of the random streams.
    #[command(flatten)]
    #[serde(flatten)]
    pub seed: SeedArgs,

    /// Configuration, threads, memory, logs.
    #[command(flatten)]
    #[serde(skip)]
    pub common: CommonArgs,
}

/// How embeddings are scored.
#[derive(Args, Clone, Debug, Serialize)]
pub struct ScoreArgs {
    /// Number of folds
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub folds: usize,

    /// Number of neighbours that vote
    #[arg(long, value_name = "K", default_value_t = 15, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub neighbors: usize,

    /// Number of principal components of the counts
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub components: usize,
}
