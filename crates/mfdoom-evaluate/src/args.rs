//! The command line of the stage.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use mfdoom_cli::{CommonArgs, OutputArgs, SeedArgs};

use crate::expression::args::ExpressionArgs;
use crate::velocity::args::VelocityArgs;

/// Scores embeddings, velocities and expression profiles and draws them
#[derive(Clone, Debug, Parser)]
#[command(name = "mfdoom-evaluate", version, subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    /// What to score.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be scored.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Label transfer and retrieval of every head, beside PCA of the counts
    ///
    /// Label transfer: is the label of a cell that of most of its nearest cells? Every cell is predicted once, from
    /// the cells of the other folds. Retrieval: does the head of one modality find the same cell among the heads
    /// of another? Each comparison is made on the same cells: a head of a modality counts only where that modality
    /// was measured, and every other head is scored again on just those cells.
    Embedding(EmbeddingArgs),
    /// Velocities against fitted or true ones, across the borders of clusters and within them
    ///
    /// Accuracy: Pearson's correlation of every gene over cells and the cosine of every cell over genes. Direction
    /// (CBDir): do cells of cluster A next to cluster B move towards it? A field that is the same everywhere may score
    /// high, so the excess over it counts, on several UMAPs. Coherence (ICCoh): do cells move like their neighbours?
    Velocity(VelocityArgs),
    /// Predicted expression profiles against the counts of the same cells, beside plain baselines
    ///
    /// Profile: Pearson's correlation of every gene over cells, of log-normalised values. Counts: negative-binomial
    /// deviance of the counts given predicted share x library size, and the share of the mean-gene model's that is
    /// explained. With training cells, the same of ridge regression and nearest neighbours that see the same modality.
    Expression(ExpressionArgs),
}

/// Arguments of `mfdoom-evaluate embedding`.
#[derive(Clone, Debug, Parser)]
pub struct EmbeddingArgs {
    /// Embeddings table, any parquet file with a vector column, or an h5ad file (with --obsm); - is standard input
    #[arg(value_name = "EMBEDDINGS")]
    pub embeddings: Option<PathBuf>,

    /// Obs column of the labels; cells without one are left out
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub label: String,

    /// Obs column of the experimental batches; the report draws it too
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub batch_key: Option<String>,

    /// Heads to score [default: all]
    #[arg(long = "head", value_name = "NAME", value_delimiter = ',', help_heading = "Input")]
    pub heads: Vec<String>,

    /// Token table of the same cells: PCA of its counts is scored beside the heads
    #[arg(long, value_name = "TOKENS", help_heading = "Input")]
    pub tokens: Option<PathBuf>,

    /// Matrices of the h5ad file to take as heads, e.g. X_mfdoom
    #[arg(long, value_name = "KEY", value_delimiter = ',', help_heading = "Input")]
    pub obsm: Vec<String>,

    /// Write a page with tables and plots (HTML, nothing to load)
    #[arg(long, value_name = "report.html", help_heading = "Output")]
    pub report: Option<PathBuf>,

    /// Draw two principal components of the first head (fusion, unless --head says otherwise) by label
    #[arg(long, value_name = "scatter.svg|png", help_heading = "Output")]
    pub scatter: Option<PathBuf>,

    /// Number of folds
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub folds: usize,

    /// Number of neighbours that vote
    #[arg(long, value_name = "K", default_value_t = 15, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub neighbors: usize,

    /// Number of principal components of the counts
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub components: usize,

    /// Score at most this many cells, drawn by the seed: cost grows with the square
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub max_cells: usize,

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
