//! The command line of `mfdoom-finetune-decoder`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as Group, Parser};
use mfdoom_cli::{CommonArgs, DeviceArgs, OutputArgs, SeedArgs};
use mfdoom_decoder::{Architecture, DecoderLoss, DecoderTask, PathUse};
use mfdoom_train::Training;
use serde::Serialize;

/// Trains a decoder on the embeddings of a model.
///
/// A decoder says what value a gene has in a cell: its counts (expression, generative), its velocity, its counts in the cell
/// that follows (next-state), or for a cell its label (classification). Cells may lack modalities, and in training lose some at random, so that one
/// decoder serves cells with all, some or one modality. The result is a folder with config.json,
/// model.safetensors, genes.json, metrics.parquet and manifest.json, of use with this model only.
#[derive(Clone, Debug, Parser)]
#[command(name = "mfdoom-finetune-decoder", version)]
pub struct Args {
    /// Token tables of mfdoom-preprocess; - is standard input
    #[arg(value_name = "TOKENS")]
    pub tokens: Vec<PathBuf>,

    /// Folder of a model trained by mfdoom-pretrain
    #[arg(long, value_name = "MODEL", help_heading = "Model")]
    pub model: PathBuf,

    /// What the cells should be decoded to: velocity folders or tables, an obs column (classification), modalities
    /// (expression, generative) [default there: all of the model's], or folders of mfdoom-velocity graph or obs:COLUMN of
    /// times, and perhaps modalities (next-state) [default there: spliced, else expression]
    #[arg(long, value_name = "PATH|COLUMN", value_delimiter = ',', help_heading = "Decoder")]
    pub targets: Vec<String>,

    /// What the decoder is made of.
    #[command(flatten)]
    pub decoder: DecoderArgs,

    /// How it is trained.
    #[command(flatten)]
    pub training: TrainingArgs,

    /// Go on from the checkpoint that an interrupted run left at DECODER.checkpoint; begin where there is none
    #[arg(long, help_heading = "Running")]
    pub resume: bool,

    /// Write a checkpoint after every so many steps, and after every epoch
    #[arg(long, value_name = "STEPS", default_value_t = 1000, value_parser = mfdoom_cli::positive::<u64>, help_heading = "Running")]
    pub checkpoint_every: u64,

    /// Seed of the random streams.
    #[command(flatten)]
    pub seed: SeedArgs,

    /// Where tensors live.
    #[command(flatten)]
    pub device: DeviceArgs,

    /// Where the output goes.
    #[command(flatten)]
    pub output: OutputArgs,

    /// Configuration, threads, memory, logs.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// What the decoder is made of.
#[derive(Clone, Debug, Group, Serialize)]
pub struct DecoderArgs {
    /// What is decoded
    #[arg(long, value_name = "TASK", value_parser = PossibleValuesParser::new(DecoderTask::names()).try_map(|name| name.parse::<DecoderTask>()), help_heading = "Decoder")]
    pub task: DecoderTask,

    /// How genes ask: pooled (the head's vector) or attention (its hidden states)
    #[arg(long, value_name = "NAME", default_value_t = Architecture::Pooled, help_heading = "Decoder")]
    pub architecture: Architecture,

    /// The model's output that is seen: fusion, global or a modality
    #[arg(long, value_name = "HEAD", default_value = "fusion", help_heading = "Decoder")]
    pub head: String,

    /// What is minimised: nb, zinb, mse, huber or cross-entropy [default: nb for counts, mse for velocity]
    #[arg(long, value_name = "LOSS", help_heading = "Decoder")]
    pub loss: Option<DecoderLoss>,

    /// Weight of one minus the cosine of a cell, added to mse and huber
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0, value_parser = mfdoom_cli::not_negative, help_heading = "Decoder")]
    pub cosine: f64,

    /// Width of the product of genes and cells [default: 64, or what genes and cells allow]
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::positive::<usize>, help_heading = "Decoder")]
    pub rank: Option<usize>,

    /// Width of the MLP; 0 for a linear network
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = mfdoom_cli::count::<usize>, help_heading = "Decoder")]
    pub hidden: usize,

    /// Cells of a chain (next-state): the decoder sees so many and predicts what follows each of them from it and those
    /// before it
    #[serde(skip)]
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Decoder")]
    pub chain_length: usize,

    /// A path from the counts of all genes that goes past the model and starts from a regression: kept (as fitted, the
    /// network learns what it leaves), trained (with the network) or off [default: kept for velocity, trained for
    /// counts, off for classification]
    #[arg(long, value_name = "PATH", help_heading = "Decoder")]
    pub profile: Option<PathUse>,

    /// Components of that path [default: 50, or what genes and cells allow]
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::positive::<usize>, help_heading = "Decoder")]
    pub components: Option<usize>,

    /// Random features of that path
    #[arg(long, value_name = "N", default_value_t = 1536, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Decoder")]
    pub features: usize,

    /// Penalty of the regression that path starts from [default: the one that each training cell is best predicted with
    /// by the others]
    #[arg(long, value_name = "PENALTY", value_parser = mfdoom_cli::above_zero, help_heading = "Decoder")]
    pub penalty: Option<f64>,

    /// Parts of the model that are trained too: pooling, or the last K layers with it
    #[arg(long, value_name = "pooling|K", help_heading = "Decoder")]
    #[serde(serialize_with = "mfdoom_cli::option_as_text")]
    pub unfreeze: Option<Unfreeze>,

    /// Show the decoder these modalities only
    #[arg(long, value_name = "MODALITY", value_delimiter = ',', help_heading = "Decoder")]
    pub use_modalities: Vec<String>,
}

/// How it is trained.
#[derive(Clone, Debug, Group, Serialize)]
pub struct TrainingArgs {
    /// What training is told by every stage.
    #[command(flatten)]
    #[serde(flatten)]
    pub shared: Training,

    /// Tokens that a cell keeps of a modality [default: of the model]
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::positive::<usize>, help_heading = "Training")]
    pub max_tokens: Option<usize>,

    /// Probability that a gene of a cell is hidden, in all modalities [default: 0.2 for expression, else 0]
    #[arg(long, value_name = "P", value_parser = mfdoom_cli::share, help_heading = "Training")]
    pub hide_genes: Option<f64>,

    /// Views of a cell (modalities, tokens, hidden genes), over and over, so that a model that is not trained
    /// computes each only once; 0 draws a fresh one in every epoch
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = mfdoom_cli::count::<u64>, help_heading = "Training")]
    pub views: u64,

    /// Stop when so many epochs in a row brought nothing better on the cells held back; the best state there is kept,
    /// by loss, of velocities by cosine
    #[arg(long, value_name = "EPOCHS", default_value_t = 8, value_parser = mfdoom_cli::positive::<u64>, help_heading = "Training")]
    pub patience: u64,
}

impl DecoderArgs {
    /// Returns the loss that was asked for, or the default of the task.
    pub fn loss(&self) -> DecoderLoss {
        self.loss.unwrap_or(self.task.losses()[0])
    }

    /// Returns what becomes of the path past the model.
    pub fn path(&self) -> PathUse {
        self.profile.unwrap_or(self.task.path())
    }
}

/// Which parts of the backbone are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfreeze {
    /// The pooling.
    Pooling,
    /// The last layers, the final norm and the pooling.
    Layers(usize),
}

impl Unfreeze {
    /// Whether a tensor of a backbone of `depth` layers is trained.
    pub fn trains(self, name: &str, depth: usize) -> bool {
        let layer = || name.strip_prefix("layers.")?.split('.').next()?.parse::<usize>().ok();
        match self {
            Self::Pooling => name.starts_with("pool."),
            Self::Layers(k) => {
                name.starts_with("pool.") || name == "norm.weight" || layer().is_some_and(|i| i + k >= depth)
            }
        }
    }
}

impl std::fmt::Display for Unfreeze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pooling => f.write_str("pooling"),
            Self::Layers(k) => k.fmt(f),
        }
    }
}

impl std::str::FromStr for Unfreeze {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("pooling", _) => Ok(Self::Pooling),
            (_, Ok(k)) if k > 0 => Ok(Self::Layers(k)),
            _ => Err(format!("'{text}' is neither pooling nor a number of layers from 1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfreezing_names_the_last_layers_and_what_follows_them() {
        let two: Unfreeze = "2".parse().unwrap();
        let trained = |name: &str| two.trains(name, 4);
        assert!(
            ["layers.2.attn.to_q.weight", "layers.3.ff.norm.weight", "norm.weight", "pool.queries"]
                .iter()
                .all(|name| trained(name))
        );
        assert!(
            !["layers.1.attn.to_q.weight", "encoders.a.gene.weight", "fusion.tokens", "loss.logit_scale"]
                .iter()
                .any(|name| trained(name))
        );
        let pooling: Unfreeze = "pooling".parse().unwrap();
        assert!(pooling.trains("pool.to_kv.weight", 4) && !pooling.trains("norm.weight", 4));
        assert!("0".parse::<Unfreeze>().is_err() && "all".parse::<Unfreeze>().is_err());
    }
}
