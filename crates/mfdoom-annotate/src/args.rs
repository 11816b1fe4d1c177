//! The command line of `mfdoom-annotate`.

use std::path::PathBuf;

use clap::Parser;
use mfdoom_cli::{CommonArgs, OutputArgs};

/// Adds embeddings and velocities to a copy of an AnnData file
///
/// Other stages add their results with --into while they run. This stage adds results that were made in shards, on
/// another machine, or earlier. It matches cells by name and keeps everything else in the file.
#[derive(Clone, Debug, Parser)]
#[command(name = "mfdoom-annotate", version)]
pub struct Args {
    /// The AnnData file that the cells come from
    #[arg(value_name = "FILE.h5ad")]
    pub file: PathBuf,

    /// Embeddings of its cells: obsm/X_mfdoom, obsm/X_mfdoom_<head> and obs/mfdoom_embedded
    #[arg(long, value_name = "EMBEDDINGS", help_heading = "Results")]
    pub embeddings: Vec<PathBuf>,

    /// Velocity folder of its cells, a fit before a prediction
    #[arg(long, value_name = "velocity/", help_heading = "Results")]
    pub velocity: Vec<PathBuf>,

    /// Where the copy goes, and whether it may replace something.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Configuration, threads, memory, logs.
    #[command(flatten)]
    pub common: CommonArgs,
}
