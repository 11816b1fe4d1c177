//! What the stages of inference ask for at the command line.

use std::path::PathBuf;

use clap::Args;
use mfdoom_cli::{DeviceArgs, Shard};
use serde::Serialize;

use crate::model::TrainedModel;

/// Tokens, model, and how cells go through it.
#[derive(Args, Clone, Debug, Serialize)]
pub struct InferArgs {
    /// Token table of mfdoom-preprocess; - or nothing is standard input
    #[arg(value_name = "TOKENS")]
    #[serde(skip)]
    pub tokens: Option<PathBuf>,

    /// Folder of a model trained by mfdoom-pretrain
    #[arg(long, value_name = "MODEL", help_heading = "Model")]
    #[serde(skip)]
    pub model: PathBuf,

    /// See cells as if they had been measured in these modalities only
    #[arg(long, value_name = "MODALITY", value_delimiter = ',', help_heading = "Model")]
    pub use_modalities: Vec<String>,

    /// Tokens that a cell keeps of a modality, the highest counts [default: of the model]
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::positive::<usize>, help_heading = "Model")]
    pub max_tokens: Option<usize>,

    /// Cells that go through the model at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Running")]
    #[serde(skip)]
    pub batch_cells: usize,

    /// Take the I-th of N even runs of cells
    #[arg(long, value_name = "I/N", help_heading = "Input")]
    #[serde(skip)]
    pub shard: Option<Shard>,

    /// Where tensors live.
    #[command(flatten)]
    #[serde(skip)]
    pub device: DeviceArgs,
}

impl InferArgs {
    /// Returns the tokens that a cell keeps of a modality: those asked for, else those of the model.
    pub fn max_tokens(&self, model: &TrainedModel) -> usize {
        self.max_tokens.unwrap_or(model.model.config().max_tokens)
    }
}
