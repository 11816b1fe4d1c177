//! Arguments of `mfdoom-evaluate velocity`.

use std::path::PathBuf;

use clap::Parser;
use serde::Serialize;

use crate::shared::RunArgs;

/// Arguments of `mfdoom-evaluate velocity`.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_long_help = JSON)]
pub struct VelocityArgs {
    /// Velocity folder (of predict, fit or graph), or a table of velocities that lists its genes
    #[serde(skip)]
    #[arg(value_name = "PREDICTED")]
    pub predicted: PathBuf,

    /// Fitted velocities of the same cells: scored against, scored likewise and drawn next to them
    #[serde(skip)]
    #[arg(long, value_name = "VELOCITY", help_heading = "Input")]
    pub fitted: Option<PathBuf>,

    /// True velocities of the same cells: also the h5ad file of mfdoom-simulate --truth full, matched by cell id
    #[serde(skip)]
    #[arg(long, value_name = "VELOCITY", help_heading = "Input")]
    pub truth: Option<PathBuf>,

    /// Column of the clusters; cells without one are left out
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub label: Option<String>,

    /// Where the column is: an h5ad file (matched by cell id) or a table with the key [default: the velocities]
    #[serde(skip)]
    #[arg(long, value_name = "FILE", help_heading = "Input", requires = "label")]
    pub label_source: Option<PathBuf>,

    /// Steps that cells are known to take from cluster to cluster: 'A>B,B>C'
    #[arg(long, value_name = "A>B,...", value_delimiter = ',', help_heading = "Scores", requires = "label")]
    pub edges: Vec<String>,

    /// Number of UMAPs, of seeds one apart, that the fields are drawn on and directions averaged over
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub umap_seeds: usize,

    /// Number of nearest cells, each cell included, where the folder does not hold them
    #[arg(long, value_name = "K", default_value_t = 30, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub n_neighbors: usize,

    /// Number of principal components that neighbours are found in
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub n_pcs: usize,

    /// Compare signed square roots in the graph [default: true for folders of a stochastic fit]
    #[arg(long, value_name = "BOOL", help_heading = "Scores")]
    pub square_root: Option<bool>,

    /// Score at most this many cells, drawn by the seed
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub max_cells: usize,

    /// Draw the streams of the fields side by side on the first UMAP
    #[serde(skip)]
    #[arg(long, value_name = "stream.svg|png", help_heading = "Output", requires = "label")]
    pub plot: Option<PathBuf>,

    /// Draw the uncertainty of the predicted cells against their error: the fitted, else the true velocities
    #[serde(skip)]
    #[arg(long, value_name = "calibration.svg|png", help_heading = "Output")]
    pub calibration: Option<PathBuf>,

    /// Outputs, seed, running.
    #[command(flatten)]
    #[serde(flatten)]
    pub run: RunArgs,
}

/// What `metrics.json` holds.
const JSON: &str = "\
metrics.json:
  settings, inputs   what decides the numbers
  cells, genes       in all inputs (common), scored; genes with a velocity of every scored cell (graph)
  calibration[]      bins of cells of like uncertainty, where the predicted have one
  scores[]           set, head (predicted, fitted, truth and their controls), against, n, name, value, reason, low, high
    pearson          per gene over cells: median, with pearson_q25 and pearson_q75; cosine: per cell over genes, also of the
                     constant field; genes, compared: how many, and the share of numbers compared
    uncertainty_spearman, uncertainty_scale: of uncertainty and error (root mean square over genes) of a cell
    iccoh            over clusters, and each cluster as a set; shuffled velocities as a control (a constant field has 1)
    cbdir            means over the UMAPs with their range: over edges, and each edge A > B as a set; of every cell given its
                     mean velocity (constant), of shuffled velocities, and cbdir_excess = field - constant

NaN is no velocity and left out; all fields are drawn on the same coordinates. Displacements are those of Ms in the fitted
or predicted folder, else of the predicted state.";
