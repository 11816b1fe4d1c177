//! Generates cells along their velocity: `Args` in, a folder of trajectories out.
//!
//! ```text
//! args.rs      the command line              observed.rs  the observed cells, as states
//! run.rs       what the stage does           lowest.rs    a seeded choice of cells in bounded memory
//! starts.rs    where trajectories begin      counts.rs    counts drawn of a state
//! decoders.rs  which decoder does what       walk.rs      trajectories, step by step
//! field.rs     velocities of drawn cells     write.rs     the folder
//! ```
//!
//! A state is an expected profile over the model's genes. A step shows the model a cell drawn of it, moves the profile by
//! the velocity that the decoder predicts for that cell, and pulls it towards the observed cells that are nearest.

mod args;
mod counts;
mod decoders;
mod field;
mod lowest;
mod observed;
mod run;
mod starts;
mod walk;
mod write;

pub use args::Args;
pub use run::run;
