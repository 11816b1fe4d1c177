//! Trains the multimodal model on token tables: `Args` in, a model folder out.

mod anchor;
mod answers;
mod args;
mod card;
mod family;
mod run;
mod velocity;

pub use anchor::AnchorArgs;
pub use args::{Args, ModelArgs, TrainingArgs};
pub use family::FAMILY;
pub use run::run;
