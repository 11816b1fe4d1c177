//! The command line of `mfdoom-decode`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use mfdoom_artifact::TableFormat;
use mfdoom_cli::{CommonArgs, DeviceArgs, OutputArgs, SeedArgs, Shard};

/// Applies a decoder to cells: expression profiles, sampled counts or labels.
///
/// Reads a token table or stream and writes one vector per cell and predicted modality, whose genes the schema
/// metadata lists: ln(1 + 1e4 x share of the counts), or with --sample counts drawn from the fitted distribution.
/// Labels come as `predicted` and `probability`. Velocities are predicted by mfdoom-velocity predict.
#[derive(Clone, Debug, Parser)]
#[command(name = "mfdoom-decode", version)]
pub struct Args {
    /// Token table of mfdoom-preprocess; - or nothing is standard input
    #[arg(value_name = "TOKENS")]
    pub tokens: Option<PathBuf>,

    /// Folder of a model trained by mfdoom-pretrain
    #[arg(long, value_name = "MODEL", help_heading = "Model")]
    pub model: PathBuf,

    /// Folder of a decoder of mfdoom-finetune-decoder, trained on this model
    #[arg(long, value_name = "DECODER", help_heading = "Model")]
    pub decoder: PathBuf,

    /// Predict the genes of this file only, one id or symbol a line
    #[arg(long, value_name = "FILE", help_heading = "Model")]
    pub genes: Option<PathBuf>,

    /// Draw N times the counts of each cell from the fitted distribution instead of predicting a profile
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::positive::<u64>, help_heading = "Model")]
    pub sample: Option<u64>,

    /// Predict as if cells had been measured in these modalities only
    #[arg(long, value_name = "MODALITY", value_delimiter = ',', help_heading = "Model")]
    pub use_modalities: Vec<String>,

    /// Tokens that a cell keeps of a modality [default: of the model]
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::positive::<usize>, help_heading = "Model")]
    pub max_tokens: Option<usize>,

    /// Random token subsets to average over, of cells with more tokens
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = mfdoom_cli::positive::<u64>, help_heading = "Model")]
    pub subsets: u64,

    /// Cells that go through the model at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = mfdoom_cli::positive::<u64>, help_heading = "Running")]
    pub batch_cells: u64,

    /// Form of the output [default: by its name; parquet on standard output]
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<Format>,

    /// Add the predictions to this h5ad file as layers mfdoom_<modality>, or obs/mfdoom_predicted
    #[arg(long, value_name = "FILE.h5ad", help_heading = "Output")]
    pub into: Option<PathBuf>,

    /// Decode the I-th of N even runs of cells
    #[arg(long, value_name = "I/N", help_heading = "Input")]
    pub shard: Option<Shard>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment would stand in the help")]
    pub seed: SeedArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment would stand in the help")]
    pub device: DeviceArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment would stand in the help")]
    pub output: OutputArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment would stand in the help")]
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
