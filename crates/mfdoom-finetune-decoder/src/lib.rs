//! Trains a decoder on the embeddings of a model: `Args` in, a decoder folder out.

mod args;
mod design;
mod run;

pub use args::{Args, DecoderArgs, TrainingArgs, Unfreeze};
pub use run::run;
