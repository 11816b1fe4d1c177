//! The command line of `mfdoom-gather`.

use std::path::PathBuf;

use clap::Parser;
use mfdoom_cli::{CommonArgs, OutputArgs};

/// Puts the shards of a table or folder together.
///
/// Takes all N outputs of a stage that ran with --shard 1/N to N/N, in any order: token tables, embeddings,
/// predictions, folders of velocities or trajectories. Writes what the stage would have written without --shard, row for row. It copies
/// row groups as they are, so a table of any size needs little memory.
#[derive(Clone, Debug, Parser)]
#[command(name = "mfdoom-gather", version)]
pub struct Args {
    /// Every shard once: parquet files or folders
    #[arg(value_name = "PART", required = true)]
    pub parts: Vec<PathBuf>,

    /// Where the whole goes, and whether it may replace something.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Configuration, threads, memory, logs.
    #[command(flatten)]
    pub common: CommonArgs,
}
