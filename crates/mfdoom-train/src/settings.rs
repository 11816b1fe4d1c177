//! How a network is trained: one struct is the command line, the configuration and the manifest of every stage that
//! trains one.

use serde::Serialize;

use crate::schedule::Schedule;
use crate::split::Validation;

/// Learning rate of a model, where none is asked for.
const RATE: f64 = 1e-3;
/// Weight decay of a model, where none is asked for.
const DECAY: f64 = 0.01;
/// Learning rate at the end, as a share of the highest.
const FLOOR: f64 = 0.01;

/// How a network is trained.
#[derive(Clone, Debug, clap::Args, Serialize)]
#[group(skip)]
pub struct Training {
    /// Passes of the network over the cells; 0 writes what training starts from
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = mfdoom_cli::count::<u64>, help_heading = "Training")]
    pub epochs: u64,

    /// Cells of a batch
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = mfdoom_cli::positive::<usize>, help_heading = "Training")]
    pub batch_cells: usize,

    /// Tokens of a batch, which bound its memory [default: as many as its cells may have]
    #[arg(long, value_name = "N", value_parser = mfdoom_cli::positive::<usize>, help_heading = "Training")]
    pub batch_tokens: Option<usize>,

    /// Highest learning rate [default: 0.003 for a tiny model, 0.001 for others, 0.0003 for a decoder]
    #[arg(long, value_name = "RATE", value_parser = mfdoom_cli::above_zero, help_heading = "Training")]
    pub lr: Option<f64>,

    /// Share of the run in which the learning rate rises, before it falls along a cosine
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = mfdoom_cli::share, help_heading = "Training")]
    pub warmup: f64,

    /// Decoupled weight decay of the linear layers [default: 0.01 for a model, 0.1 for a decoder]
    #[arg(long, value_name = "RATE", value_parser = mfdoom_cli::not_negative, help_heading = "Training")]
    pub weight_decay: Option<f64>,

    /// Largest norm of the gradient
    #[arg(long, value_name = "NORM", default_value_t = 1.0, value_parser = mfdoom_cli::above_zero, help_heading = "Training")]
    pub clip: f64,

    /// Probability that a modality of a cell is hidden
    #[arg(long, value_name = "P", default_value_t = 0.3, value_parser = mfdoom_cli::share, help_heading = "Training")]
    pub modality_dropout: f64,

    /// Cells held back: a share of them, or those with an obs COLUMN=VALUE
    #[arg(long, value_name = "SHARE|COLUMN=VALUE", default_value = "0.1", help_heading = "Training")]
    #[serde(serialize_with = "mfdoom_cli::as_text")]
    pub validation: Validation,
}

impl Training {
    /// Fills in the learning rate and the weight decay that a stage is known to need, where none is asked for.
    pub fn or_known(&mut self, lr: f64, weight_decay: f64) {
        self.lr.get_or_insert(lr);
        self.weight_decay.get_or_insert(weight_decay);
    }

    /// Returns the learning rate over the run.
    pub fn schedule(&self) -> Schedule {
        Schedule { peak: self.lr.unwrap_or(RATE), warmup: self.warmup, floor: FLOOR }
    }

    /// Returns the weight decay.
    pub fn decay(&self) -> f64 {
        self.weight_decay.unwrap_or(DECAY)
    }
}
