//! The command line of the stage.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use mfdoom_cli::{Assignment, CommonArgs, ForceArgs, SeedArgs};
use mfdoom_infer::InferArgs;
use serde::Serialize;

/// RNA velocity: rates and velocities from counts, transitions and projections from velocities
#[derive(Clone, Debug, Parser)]
#[command(name = "mfdoom-velocity", version, subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The steps.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Fits velocities to spliced and unspliced counts
    ///
    /// Counts are normalised by cell size, averaged over nearest neighbours in PCA space, and fitted gene by gene.
    /// Steady-state velocities are unspliced - gamma x spliced, in size-normalised counts (splicing rate 1); the
    /// dynamical mode has its own time, of 20 units from the start of induction to the end of repression.
    Fit(FitArgs),
    /// Predicts velocities with a trained decoder, also of cells with only some of the modalities
    ///
    /// Reads a token table or stream block by block. Besides the velocity of each gene, a cell gets its state
    /// (size-normalised counts, averaged over its neighbours in the fusion embedding) and an uncertainty (how far
    /// predictions spread when half of the genes are hidden).
    Predict(PredictArgs),
    /// Turns velocities into a graph of transitions, and draws on it
    ///
    /// Reads a velocity folder and writes a copy with the cosine graph, projections on embeddings, confidence,
    /// pseudotime, terminal states and driver genes.
    Graph(GraphArgs),
}

/// How velocities are fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A line through the cells of highest and lowest expression.
    Deterministic,
    /// First and second moments, by generalised least squares.
    #[default]
    Stochastic,
    /// Transcription, splicing, degradation, switching time and latent times, by expectation maximisation.
    Dynamical,
}

/// What plots are written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PlotFormat {
    /// Scalable vector graphics.
    #[default]
    Svg,
    /// Pixels.
    Png,
}

/// Arguments of `mfdoom-velocity fit`.
#[derive(Clone, Debug, Parser, Serialize)]
pub struct FitArgs {
    /// File or folder with layers of spliced and unspliced counts, in any format that preprocess reads
    #[arg(value_name = "COUNTS")]
    #[serde(skip)]
    pub counts: PathBuf,

    /// Folder to write
    #[arg(short, long, value_name = "velocity/", help_heading = "Output")]
    #[serde(skip)]
    pub output: PathBuf,

    /// Add layers velocity, Ms, Mu, rates and neighbours to this AnnData file
    #[arg(long, value_name = "FILE.h5ad", help_heading = "Output")]
    #[serde(skip)]
    pub into: Option<PathBuf>,

    /// Whether the output may replace something.
    #[command(flatten)]
    #[serde(skip)]
    pub force: ForceArgs,

    /// How velocities are fitted
    #[arg(long, value_enum, value_name = "MODE", default_value_t, help_heading = "Fit")]
    pub mode: Mode,

    /// Apply the gamma of this table (of another fit) instead of fitting
    #[arg(long, value_name = "kinetics.parquet", help_heading = "Fit", conflicts_with = "group_key")]
    #[serde(skip)]
    pub kinetics: Option<PathBuf>,

    /// Fit the cells of every value of this obs column by themselves; neighbours stay those of all cells
    #[arg(long, value_name = "COLUMN", help_heading = "Fit")]
    pub group_key: Option<String>,

    /// Least coefficient of determination of a velocity gene
    #[arg(
        long,
        value_name = "R2",
        default_value_t = 0.01,
        allow_negative_numbers = true,
        value_parser = mfdoom_cli::finite,
        help_heading = "Fit"
    )]
    pub min_r2: f64,

    /// Least ratio of degradation to splicing of a velocity gene
    #[arg(long, value_name = "GAMMA", default_value_t = 0.01, value_parser = mfdoom_cli::not_negative, help_heading = "Fit")]
    pub min_ratio: f64,

    /// Least counts of a gene, over the cells that have both spliced and unspliced ones of it
    #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = mfdoom_cli::not_negative, help_heading = "Genes")]
    pub min_shared_counts: f64,

    /// Keep the N genes of highest dispersion (Seurat), where more are left; ties are all kept
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Genes")]
    pub top_genes: usize,

    /// Take gene ids from this var column [default: the index]
    #[arg(long, value_name = "COLUMN", help_heading = "Genes")]
    pub gene_column: Option<String>,

    /// Principal components of the spliced counts in which neighbours are searched
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Neighbours")]
    pub n_pcs: usize,

    /// Neighbours of a cell, the cell itself among them
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Neighbours")]
    pub n_neighbors: usize,

    /// Take only the cells listed in FILE, one id a line
    #[arg(long, value_name = "FILE", help_heading = "Cells")]
    #[serde(skip)]
    pub cells: Option<PathBuf>,

    /// Carry an obs column to cells.parquet; unspliced counts are reported by the first one of text
    #[arg(long, value_name = "COLUMN", help_heading = "Cells")]
    pub obs: Vec<String>,

    /// Name of the data set [default: the file's name without its extension]
    #[arg(long, value_name = "NAME", help_heading = "Cells")]
    pub dataset: Option<String>,

    /// Take the layers, or one of them, from this file of the same cells, matched by barcode
    #[arg(long, value_name = "FILE", help_heading = "Counts")]
    #[serde(skip)]
    pub with: Vec<PathBuf>,

    /// Where spliced and unspliced counts are: X, raw/X, layers/K or obsm/K
    ///
    /// Found without help: layers spliced/unspliced, mature/nascent, exon/intron.
    #[arg(long, value_name = "NAME=SOURCE", help_heading = "Counts")]
    pub modality: Vec<Assignment>,

    /// Obs column with the true sizes of spliced or unspliced, where the file holds a subset of the genes
    ///
    /// Found without help as scVelo names it (initial_size_spliced, initial_size_unspliced), where it is never
    /// below the counts of a cell; none counts instead.
    #[arg(long, value_name = "NAME=COLUMN", help_heading = "Counts")]
    pub library_size: Vec<Assignment>,

    /// Take values that are not integers (never negative ones)
    #[arg(long, help_heading = "Counts")]
    pub allow_non_integer: bool,

    /// Configuration, threads, memory, logs.
    #[command(flatten)]
    #[serde(skip)]
    pub common: CommonArgs,
}

/// Arguments of `mfdoom-velocity predict`.
#[derive(Clone, Debug, Parser, Serialize)]
pub struct PredictArgs {
    /// How the model is run.
    #[command(flatten)]
    #[serde(flatten)]
    pub infer: InferArgs,

    /// Folder of a velocity decoder of mfdoom-finetune-decoder, trained on this model
    #[arg(long, value_name = "DECODER", help_heading = "Model")]
    #[serde(skip)]
    pub decoder: PathBuf,

    /// Folder to write
    #[arg(short, long, value_name = "velocity/", help_heading = "Output")]
    #[serde(skip)]
    pub output: PathBuf,

    /// Add the velocities to this AnnData file
    #[arg(long, value_name = "FILE.h5ad", help_heading = "Output")]
    #[serde(skip)]
    pub into: Option<PathBuf>,

    /// Whether the output may replace something.
    #[command(flatten)]
    #[serde(skip)]
    pub force: ForceArgs,

    /// Average over N random token subsets of every cell that has more tokens than it keeps, which takes N + 1 times as
    /// long; 1 takes the highest counts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = mfdoom_cli::positive::<u64>, help_heading = "Model")]
    pub subsets: u64,

    /// Neighbours that a state is averaged over, the cell itself among them, within runs of 4096 cells
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Model")]
    pub n_neighbors: usize,

    /// Configuration, threads, memory, logs.
    #[command(flatten)]
    #[serde(skip)]
    pub common: CommonArgs,
}

/// Arguments of `mfdoom-velocity graph`.
#[derive(Clone, Debug, Parser, Serialize)]
pub struct GraphArgs {
    /// Velocity folder of fit or predict
    #[arg(value_name = "velocity/")]
    #[serde(skip)]
    pub velocity: PathBuf,

    /// Folder to write, a copy with the results; may be the input with --force
    #[arg(short, long, value_name = "velocity/", help_heading = "Output")]
    #[serde(skip)]
    pub output: PathBuf,

    /// Add velocities, graph, projections and results per cell to this AnnData file
    #[arg(long, value_name = "FILE.h5ad", help_heading = "Output")]
    #[serde(skip)]
    pub into: Option<PathBuf>,

    /// Whether the output may replace something.
    #[command(flatten)]
    #[serde(skip)]
    pub force: ForceArgs,

    /// Embedding to project on: FILE.h5ad:X_umap, a table of embeddings as FILE.parquet:HEAD, or umap to make one
    ///
    /// A UMAP made here is that of the neighbours of the graph; it depends on --seed.
    #[arg(long, value_name = "FILE:KEY|umap", help_heading = "Projection")]
    #[serde(skip)]
    pub embedding: Vec<String>,

    /// Name of cells.parquet's column of clusters, whose driver genes are ranked [default: that of the fit's groups]
    #[arg(long, value_name = "COLUMN", help_heading = "Genes")]
    pub cluster_key: Option<String>,

    /// Driver genes of each cluster
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = mfdoom_cli::count::<usize>, help_heading = "Genes")]
    pub drivers: usize,

    /// Draw the phase portraits of these genes, by symbol or id
    #[arg(long, value_name = "GENE", value_delimiter = ',', help_heading = "Plots")]
    #[serde(skip)]
    pub portraits: Vec<String>,

    /// Draw portraits, and streams over every embedding in the plane, in this format
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Plots")]
    #[serde(skip)]
    pub plots: Option<PlotFormat>,

    /// Take signed square roots of velocities and displacements [default: as the stochastic mode asks for]
    #[arg(long, value_name = "BOOL", help_heading = "Graph")]
    pub square_root: Option<bool>,

    /// Principal components in which neighbours are searched, where the folder has none
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Graph")]
    pub n_pcs: usize,

    /// Neighbours of a cell, the cell itself among them, where the folder has none
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Graph")]
    pub n_neighbors: usize,

    /// Seed of the random streams.
    #[command(flatten)]
    #[serde(flatten)]
    pub seed: SeedArgs,

    /// Configuration, threads, memory, logs.
    #[command(flatten)]
    #[serde(skip)]
    pub common: CommonArgs,
}
