//! The command line of `mfdoom-embed`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use mfdoom_artifact::EmbeddingFormat;
use mfdoom_cli::{CommonArgs, DeviceArgs, OutputArgs, Shard};

/// Embeds cells with a trained model.
///
/// Reads a token table or stream and writes one vector per cell and head. Heads are `fusion` (what all measured
/// modalities say together), `global`, and one per modality. Cells may lack modalities; genes are matched to the
/// model's by id.
#[derive(Clone, Debug, Parser)]
#[command(name = "mfdoom-embed", version)]
pub struct Args {
    /// Token table of mfdoom-preprocess; - or nothing is standard input
    #[arg(value_name = "TOKENS")]
    pub tokens: Option<PathBuf>,

    /// Folder of a model trained by mfdoom-pretrain
    #[arg(long, value_name = "MODEL", help_heading = "Model")]
    pub model: PathBuf,

    /// Heads to write [default: fusion, global and every modality]
    #[arg(long, value_name = "HEAD", value_delimiter = ',', help_heading = "Model")]
    pub heads: Vec<String>,

    /// Embed as if cells had been measured in these modalities only
    #[arg(long, value_name = "MODALITY", value_delimiter = ',', help_heading = "Model")]
    pub use_modalities: Vec<String>,

    /// Tokens that a cell keeps of a modality, the highest counts [default: of the model]
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::positive::<usize>, help_heading = "Model")]
    pub max_tokens: Option<usize>,

    /// Cells that go through the model at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Running")]
    pub batch_cells: usize,

    /// Form of the output [default: by its name; parquet on standard output]
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<Format>,

    /// Add the embeddings to this h5ad file as obsm/X_mfdoom, obsm/X_mfdoom_<head> and obs/mfdoom_embedded
    #[arg(long, value_name = "FILE.h5ad", help_heading = "Output")]
    pub into: Option<PathBuf>,

    /// Embed the I-th of N even runs of cells
    #[arg(long, value_name = "I/N", help_heading = "Input")]
    pub shard: Option<Shard>,

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
    /// Tensors, without obs columns
    Safetensors,
}

impl From<Format> for EmbeddingFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Parquet => Self::Parquet,
            Format::Ipc => Self::Ipc,
            Format::Safetensors => Self::Safetensors,
        }
    }
}
