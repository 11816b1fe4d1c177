//! Applies decoders: `Args` in, a table of predictions out.

mod args;
mod genes;
mod run;

pub use args::Args;
pub use run::run;
