//! Arguments of `mfdoom-evaluate trajectories`.

use std::path::PathBuf;

use clap::Parser;
use serde::Serialize;

use crate::shared::RunArgs;

/// Arguments of `mfdoom-evaluate trajectories`.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_long_help = JSON)]
pub struct TrajectoriesArgs {
    /// Folder of mfdoom-generate
    #[arg(value_name = "TRAJECTORIES")]
    #[serde(skip)]
    pub trajectories: PathBuf,

    /// Folder of mfdoom-velocity graph of the observed cells: their labels and pseudotime, and what random walks follow
    #[arg(long, value_name = "GRAPH", help_heading = "Input")]
    #[serde(skip)]
    pub graph: PathBuf,

    /// Column of the labels in the cells of that folder
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub label: String,

    /// Labels that trajectories may end in [default: all but those that they begin in]
    #[arg(long, value_name = "LABEL", value_delimiter = ',', help_heading = "Input")]
    pub terminal: Vec<String>,

    /// Random walks on the graph for each trajectory, from the cell that it began at
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub walks: usize,

    /// Steps of a random walk [default: those of the longest trajectory]
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::positive::<usize>, help_heading = "Scores")]
    pub walk_steps: Option<usize>,

    /// Token table of the cells, where their times are known, as in simulated data: the generated cells are scored against what the
    /// cells have truly become
    #[arg(long, value_name = "TOKENS", requires = "time", help_heading = "True future")]
    #[serde(skip)]
    pub truth: Option<PathBuf>,

    /// Column of the times in that table
    #[arg(long, value_name = "COLUMN", requires = "truth", help_heading = "True future")]
    pub time: Option<String>,

    /// Column of the lineages: a cell becomes one of its own lineage [default: any cell of that time]
    #[arg(long, value_name = "COLUMN", requires = "truth", help_heading = "True future")]
    pub lineage: Option<String>,

    /// Of these times how long a unit of the trajectories' time is
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = mfdoom_cli::above_zero, help_heading = "True future")]
    pub time_unit: f64,

    /// Draw the trajectories over the projection of the graph
    #[arg(long, value_name = "paths.svg|png", help_heading = "Output")]
    #[serde(skip)]
    pub plot: Option<PathBuf>,

    /// Projection to draw on
    #[arg(long, value_name = "NAME", default_value = "umap", help_heading = "Output")]
    #[serde(skip)]
    pub basis: String,

    /// Draw the expression of genes along the trajectories, with its spread
    #[arg(long, value_name = "course.svg|png", requires = "genes", help_heading = "Output")]
    #[serde(skip)]
    pub course: Option<PathBuf>,

    /// Genes to draw, by id or symbol
    #[arg(long, value_name = "GENE", value_delimiter = ',', help_heading = "Output")]
    #[serde(skip)]
    pub genes: Vec<String>,

    /// Outputs, seed, running.
    #[command(flatten)]
    #[serde(flatten)]
    pub run: RunArgs,
}

/// What `metrics.json` holds.
const JSON: &str = "\
metrics.json:
  settings, inputs, cells (trajectories, random walks, observed)
  scores[]           set (all, or a label), head (generated, random walk, observed), n, name, value, reason, low, high
    fate_share       of what arrived at a terminal label, the share that arrived at this one; of the observed cells likewise
    arrived          share that ended at a terminal label
    reached          share that passed one; first_fate_share: of these, the share whose first was this one
    fate_distance    half the sum of the differences between the shares and the observed ones (total variation)
    pseudotime_spearman, pseudotime_gain   of step and pseudotime, the mean over trajectories; last less first pseudotime
    drift_last       median distance to the observed cells at the last step, over what is usual among them
    future_mmd, future_mean_distance   on joint principal components of log-normalised counts, by step: how far the generated cells,
                     the cells that they began as (nothing moves), these moved along their own velocity (linear extrapolation)
                     and other real cells of that time are from real cells that are so much later than the beginning
  by_step[]          step, n, pseudotime (mean), drift (median), and the share of each label

A state has label and pseudotime of the observed cell nearest to it. Intervals are 95 % of 200 bootstrap samples of the
trajectories.";
