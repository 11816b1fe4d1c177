//! `mfdoom-evaluate`: how good embeddings, velocities and expression profiles are, in numbers and pictures.
//!
//! | module | for |
//! |---|---|
//! | `args` | the command line: one subcommand per kind of result |
//! | [`embedding`] | label transfer and retrieval of every head, beside PCA of the counts |
//! | [`velocity`] | velocities against fitted or true ones, across borders and within clusters |
//! | [`expression`] | expression profiles against the counts of the same cells, beside plain baselines |
//! | [`report`] | a self-contained HTML page |
//!
//! The scores themselves are those of [`mfdoom_metrics`]. Everything is settled by the input, the settings
//! and the seed: `metrics.json` is the same bytes for the same run, whatever the number of threads.

mod args;
mod counts;
pub mod embedding;
pub mod expression;
mod outputs;
pub mod report;
mod run;
pub mod velocity;

pub use args::{Args, Command, EmbeddingArgs};
pub use run::run;
