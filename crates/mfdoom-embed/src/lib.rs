//! Embeds cells with a trained model: `Args` in, one vector per cell and head out.

mod args;
mod run;

pub use args::{Args, Format};
pub use run::run;
