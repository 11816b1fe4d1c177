//! Trains the multimodal model on token tables: `Args` in, a model folder out.

mod anchor;
mod args;
mod card;
mod run;

pub use anchor::AnchorArgs;
pub use args::{Args, ModelArgs, TrainingArgs};
pub use run::run;
