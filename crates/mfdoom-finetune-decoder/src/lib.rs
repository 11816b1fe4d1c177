//! Trains a decoder on the embeddings of a model: `Args` in, a decoder folder out.

mod args;
mod design;
mod run;
mod targets;

pub use args::{Args, DecoderArgs, Path, TrainingArgs, Unfreeze};
pub use run::run;
