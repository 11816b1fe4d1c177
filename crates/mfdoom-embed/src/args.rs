//! The command line of `mfdoom-embed`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use mfdoom_artifact::EmbeddingFormat;
use mfdoom_cli::{CommonArgs, OutputArgs};
use mfdoom_infer::InferArgs;

/// Embeds cells with a trained model.
///
/// Reads a token table or stream and writes one vector per cell and head. Heads are `fusion` (what all measured
/// modalities say together), `global`, and one per modality. Cells may lack modalities. The stage matches genes to
/// those of the model by id.
#[derive(Clone, Debug, Parser)]
#[command(name = "mfdoom-embed", version)]
pub struct Args {
    /// How the model is run.
    #[command(flatten)]
    pub infer: InferArgs,

    /// Heads to write [default: fusion, global and every modality]
    #[arg(long, value_name = "HEAD", value_delimiter = ',', help_heading = "Model")]
    pub heads: Vec<String>,

    /// Form of the output [default: by its name; parquet on standard output]
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<Format>,

    /// Add the embeddings to this h5ad file as obsm/X_mfdoom, obsm/X_mfdoom_<head> and obs/mfdoom_embedded
    #[arg(long, value_name = "FILE.h5ad", help_heading = "Output")]
    pub into: Option<PathBuf>,

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
