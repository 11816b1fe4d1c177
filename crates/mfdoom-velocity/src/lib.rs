//! `mfdoom-velocity`: RNA velocity from spliced and unspliced counts, and what follows from it.
//!
//! | module | for |
//! |---|---|
//! | `args` | the command line: one subcommand per step |
//! | [`fit`] | counts to moments, rates and velocities |
//! | [`predict`] | tokens, a model and a decoder to velocities |
//! | [`graph`] | velocities to transitions, projections, confidence, pseudotime, terminal states, drivers |
//!
//! The numbers are those of [`mfdoom_kinetics`] and [`mfdoom_matrix`]; here is what they are fed with and where
//! they go. A velocity folder is [`mfdoom_artifact::velocity`].

mod args;
mod embedding;
pub mod fit;
pub mod graph;
mod neighbors;
pub mod predict;
mod run;

pub use args::{Args, Command, FitArgs, GraphArgs, Mode, PlotFormat, PredictArgs};
pub use run::run;
