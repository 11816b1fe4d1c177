//! The command line of `mfdoom-generate`.

use std::path::PathBuf;

use clap::{Args as Group, Parser, ValueEnum};
use mfdoom_cli::{Assignment, CommonArgs, OutputArgs, SeedArgs};
use mfdoom_infer::InferArgs;
use serde::Serialize;

/// Generates cells along their velocity, step by step.
///
/// Reads a token table of observed cells and begins at some of them. A step draws a cell of the present state, shows it to
/// the model, moves the state by the velocity that the decoder predicts, and pulls it towards the observed cells nearest
/// to it. The result is a folder: states.parquet (counts), embeddings.parquet and trajectories.h5ad hold a row for each
/// trajectory and step.
#[derive(Clone, Debug, Parser)]
#[command(name = "mfdoom-generate", version)]
pub struct Args {
    /// How the model is run.
    #[command(flatten)]
    pub infer: InferArgs,

    /// Folders of decoders of mfdoom-finetune-decoder, trained on this model: one of velocity, and perhaps one of counts
    /// (generative or expression with nb or zinb), which adds the modalities that it predicts
    #[arg(long, value_name = "DECODER", required = true, value_delimiter = ',', help_heading = "Model")]
    pub decoder: Vec<PathBuf>,

    /// Begin at the cells that this file lists, one id a line [default: at any cell]
    #[arg(long, value_name = "FILE", conflicts_with = "start", help_heading = "Trajectories")]
    pub cells: Option<PathBuf>,

    /// What a trajectory is.
    #[command(flatten)]
    pub walk: WalkArgs,

    /// Seed of the random streams.
    #[command(flatten)]
    pub seed: SeedArgs,

    /// Where the output goes.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Configuration, threads, memory, logs.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What a trajectory is: all that decides its numbers besides model, decoders and cells.
#[derive(Clone, Debug, Group, Serialize)]
pub struct WalkArgs {
    /// Begin at the cells with this value of an obs column
    #[arg(long, value_name = "COLUMN=VALUE", help_heading = "Trajectories")]
    pub start: Option<Assignment>,

    /// Number of trajectories; where there are fewer cells to begin at, each is taken several times
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Trajectories")]
    pub n_trajectories: usize,

    /// Steps of a trajectory
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Trajectories")]
    pub steps: usize,

    /// Time of a step, in the unit of the velocities [default: the time in which a cell moves half as far as its
    /// neighbours are]
    #[arg(long, value_name = "TIME", value_parser = mfdoom_cli::above_zero, help_heading = "Trajectories")]
    pub step_size: Option<f64>,

    /// Go against the velocity
    #[arg(long, help_heading = "Trajectories")]
    pub backward: bool,

    /// What the model is shown and the folder holds of a state: sample (drawn counts) or mean (expected counts)
    #[arg(long, value_name = "WHAT", value_enum, default_value_t, help_heading = "Trajectories")]
    pub take: Take,

    /// Keep trajectories on the data: at every step one goes on from the observed cell that it stands at to one of the K
    /// nearest or of their K nearest, drawn by how well it lies along the velocity (with --take mean the best), and its state is
    /// pulled there; 0 lets it go where the velocity leads
    #[arg(long, value_name = "K", default_value_t = 30, value_parser = mfdoom_cli::count::<usize>, help_heading = "Trajectories")]
    pub anchor: usize,

    /// How far it is pulled to that observed state: 0 not at all, 1 all the way
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = mfdoom_cli::share, help_heading = "Trajectories")]
    pub pull: f64,

    /// End a trajectory whose distance to the observed cells exceeds so many times what is usual among them
    #[arg(long, value_name = "TIMES", default_value_t = 3.0, value_parser = mfdoom_cli::above_zero, help_heading = "Trajectories")]
    pub max_drift: f64,

    /// Obs columns that a state takes from the observed cells nearest to it: the most frequent text, the mean number
    #[arg(long, value_name = "COLUMN", help_heading = "Trajectories")]
    pub obs: Vec<String>,

    /// Observed cells to keep in memory, drawn by the seed where there are more
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Trajectories")]
    pub observed: usize,
}

/// What is taken of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Take {
    /// Counts drawn from it.
    #[default]
    Sample,
    /// Its expected counts.
    Mean,
}
