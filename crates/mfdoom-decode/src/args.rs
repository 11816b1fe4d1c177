//! The command line of `mfdoom-decode`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use mfdoom_artifact::TableFormat;
use mfdoom_cli::{CommonArgs, OutputArgs, SeedArgs};
use mfdoom_infer::InferArgs;

/// Draws at most of a cell: each is a column of a table.
const MOST_DRAWS: u64 = 10_000;

/// Applies a decoder to cells: expression profiles, sampled counts or labels.
///
/// Reads a token table or stream and writes one vector per cell and predicted modality: ln(1 + 1e4 x share of the
/// counts), or with --sample counts drawn from the fitted distribution. The schema metadata lists the genes. Labels
/// come as `predicted` and `probability`. mfdoom-velocity predict applies velocity decoders.
#[derive(Clone, Debug, Parser)]
#[command(name = "mfdoom-decode", version)]
pub struct Args {
    /// How the model is run.
    #[command(flatten)]
    pub infer: InferArgs,

    /// Folder of a decoder of mfdoom-finetune-decoder, trained on this model
    #[arg(long, value_name = "DECODER", help_heading = "Model")]
    pub decoder: PathBuf,

    /// Predict the genes of this file only, one id or symbol a line
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    pub genes: Option<PathBuf>,

    /// Draw N times the counts of each cell from the fitted distribution instead of predicting a profile
    #[arg(long, value_name = "N", value_parser = draws, help_heading = "Model")]
    pub sample: Option<u64>,

    /// Average over N random token subsets of every cell that has more tokens than it keeps, which takes N + 1 times as
    /// long; 1 takes the highest counts
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = mfdoom_cli::positive::<u64>, help_heading = "Model")]
    pub subsets: u64,

    /// Form of the output [default: by its name; parquet on standard output]
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<Format>,

    /// Add the predictions to this h5ad file as layers mfdoom_<modality>, or obs/mfdoom_predicted
    #[arg(long, value_name = "FILE.h5ad", help_heading = "Output")]
    pub into: Option<PathBuf>,

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

/// Form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A parquet file
    Parquet,
    /// An Arrow IPC stream
    Ipc,
}

impl From<Format> for TableFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Parquet => Self::Parquet,
            Format::Ipc => Self::Ipc,
        }
    }
}

fn draws(text: &str) -> Result<u64, String> {
    let number = mfdoom_cli::positive::<u64>(text).ok().filter(|n| *n <= MOST_DRAWS);
    number.ok_or_else(|| format!("'{text}' is not a whole number from 1 to {MOST_DRAWS}"))
}
