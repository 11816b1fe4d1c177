//! `mfdoom-evaluate`: how good embeddings, velocities and expression profiles are, in numbers and pictures.
//!
//! | module | for |
//! |---|---|
//! | `args` | the command line: one subcommand per kind of result |
//! | `metric` | every score in a file of its own |
//! | `layout` | cells in the plane of a report |
//! | [`scores`] | scores as rows, and what is drawn from them |
//! | [`embedding`] | embeddings: labels kept, batches mixed, cells found |
//! | [`velocity`] | velocities against fitted or true ones, across borders and within clusters |
//! | [`expression`] | expression profiles against the counts of the same cells, next to plain baselines |
//! | [`generated`] | generated counts next to real ones |
//! | [`trajectories`] | where generated trajectories end and in which order they pass the observed cells |
//! | [`report`] | a self-contained HTML page |
//!
//! The numerics are those of [`mfdoom_metrics`]. Everything is settled by the input, the settings
//! and the seed: `metrics.json` is the same bytes for the same run, whatever the number of threads.

mod args;
mod counts;
pub mod embedding;
pub mod expression;
pub mod generated;
mod layout;
mod metric;
mod outputs;
pub mod report;
mod run;
pub mod scores;
mod shared;
pub mod trajectories;
pub mod velocity;

pub use args::{Args, Command, EmbeddingArgs};
pub use run::run;
pub use shared::{RunArgs, ScoreArgs};
