//! The command line of the stage.

use serde::Serialize;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::embedding::retention::args::RetentionArgs;
use crate::expression::args::ExpressionArgs;
use crate::generated::args::GeneratedArgs;
use crate::shared::{RunArgs, ScoreArgs};
use crate::trajectories::args::TrajectoriesArgs;
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
    /// Labels kept, batches mixed and cells found by every head, next to PCA of the counts
    ///
    /// The scores of scib-metrics (Leiden NMI and ARI, silhouettes, LISI, graph connectivity, PCR, kBET), label transfer:
    /// is the label of a cell that of most of its nearest cells in the other folds? And retrieval: does the head of one
    /// modality find the same cell among the heads of another? Each comparison is made on the same cells: a head of a
    /// modality counts only where that modality was measured, and every other head is scored again on just those cells.
    Embedding(EmbeddingArgs),
    /// What is left of every score when cells are embedded from some of their modalities
    ///
    /// Embeds the cells with a model from all and from each subset of their modalities and gives the scores of `embedding`
    /// for each, label transfer by logistic regression too, the share of the score from all modalities, and retrieval
    /// between cells embedded from one modality and from another; for each group by itself where there is a column.
    Retention(RetentionArgs),
    /// Velocities against fitted or true ones, across the borders of clusters and within them
    ///
    /// Accuracy: Pearson's correlation of every gene over cells and the cosine of every cell over genes. Direction
    /// (CBDir): do cells of cluster A next to cluster B move towards it? A field that is the same everywhere may score
    /// high, so the excess over it counts, on several UMAPs. Coherence (ICCoh): do cells move like their neighbours?
    Velocity(VelocityArgs),
    /// Predicted expression profiles against the counts of the same cells, next to plain baselines
    ///
    /// Profile: Pearson's correlation of every gene over cells, of log-normalised values. Counts: negative-binomial
    /// deviance of the counts given predicted share x library size, and the share of the mean-gene model's that is
    /// explained. With training cells, the same of ridge regression and nearest neighbours that see the same modality.
    Expression(ExpressionArgs),
    /// Generated counts next to those of real cells, next to plain baselines
    ///
    /// On principal components of both together: maximum mean discrepancy, whether a random forest or a logistic
    /// regression tells them apart on a held-out half, whether each is where the other is, and how well they mix. On
    /// genes: means, variances and zeros.
    Generated(GeneratedArgs),
    /// Where generated trajectories end, and in which order they pass the observed cells
    ///
    /// Fates: of the trajectories that arrive at a terminal label, which share arrives at which, next to random walks on the
    /// velocity graph from the same cells and the shares of the observed cells. Order: does pseudotime rise along the way?
    Trajectories(TrajectoriesArgs),
}

/// Arguments of `mfdoom-evaluate embedding`.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_long_help = JSON)]
pub struct EmbeddingArgs {
    /// Embeddings tables, any parquet or safetensors file with a vector for each cell, or an h5ad file (with --obsm); - is
    /// standard input
    #[arg(value_name = "EMBEDDINGS")]
    #[serde(skip)]
    pub embeddings: Vec<PathBuf>,

    /// Obs column of the labels; cells without one are left out [default: all cells have the same label]
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub label: Option<String>,

    /// Obs column of the experimental batches, or dataset: their mixing is scored, and the report draws them
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub batch_key: Option<String>,

    /// Head, or matrix of the h5ad file, that PCR is compared with: the cells before integration [default: PCA of the
    /// tokens]
    #[arg(long, value_name = "NAME", help_heading = "Input", requires = "batch_key")]
    pub before: Option<String>,

    /// Heads to score [default: all]
    #[arg(long = "head", value_name = "NAME", value_delimiter = ',', help_heading = "Input")]
    pub heads: Vec<String>,

    /// Token table of the same cells: PCA of its counts is scored next to the heads
    #[arg(long, value_name = "TOKENS", help_heading = "Input")]
    #[serde(serialize_with = "mfdoom_cli::base_name")]
    pub tokens: Option<PathBuf>,

    /// Folder of the model that made the embeddings: the report draws its training
    #[arg(long, value_name = "MODEL", help_heading = "Input")]
    #[serde(skip)]
    pub model: Option<PathBuf>,

    /// Matrices of the h5ad file to take as heads, e.g. X_mfdoom
    #[arg(long, value_name = "KEY", value_delimiter = ',', help_heading = "Input")]
    pub obsm: Vec<String>,

    /// Draw two principal components of the first head (fusion, unless --head says otherwise) by label
    #[serde(skip)]
    #[arg(long, value_name = "scatter.svg|png", help_heading = "Output")]
    pub scatter: Option<PathBuf>,

    /// Folds, neighbours, components.
    #[command(flatten)]
    #[serde(flatten)]
    pub scores: ScoreArgs,

    /// Score at most this many cells, drawn by the seed: cost grows with the square
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
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
  cells, labels      how many took part
  scores[]           set (all cells, or those with a modality), head, kind (head, baseline, control), from (modalities),
                     against (another head), n, name, value (null with a reason), reason, low, high
    accuracy, balanced_accuracy            label transfer; the interval is of the spread over folds
    nmi, ari                               Leiden at ten resolutions, the best NMI: that of seed 42 + --seed, range of five seeds
    asw_label, clisi, avg_bio              avg_bio is the mean of nmi, ari and asw_label
    graph_connectivity, asw_batch, pcr, pcr_comparison, ilisi, kbet   with --batch-key
    total                                  .6 of the mean of nmi, ari, asw_label, clisi and .4 of the mean of the others
    recall_at_1, recall_at_5, recall_at_10, median_rank, foscttm, nearest_same_label, alignment   of pairs of heads
    uniformity                             of one head
  confusion[], retrieval_curves[]          labels next to those of the nearest cells; share found among the first k
  training_curves[]                        values of each epoch, with --model

With --tokens: pca50, hvg2000 (variable genes) and, of two or three modalities, pca50_joined (unit length each, side by side)
and cca_A_B (canonical correlation with a ridge; from both, from either) are scored alike.

Definitions are those of scib-metrics 0.5.10. Intervals without another word are 95 % of 200 bootstrap samples of the cells.";
