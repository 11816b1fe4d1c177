//! Generates cells along their velocity: `Args` in, a folder of trajectories out.
//!
//! ```text
//! args.rs      the command line              observed.rs  the observed cells, as states
//! run.rs       what the stage does           ahead.rs     which of them lie along a velocity
//! starts.rs    where trajectories begin      lowest.rs    a seeded choice of cells in bounded memory
//! decoders.rs  which decoder does what       counts.rs    counts drawn of a state
//! field.rs     velocities of drawn cells     walk.rs      trajectories, step by step
//!                                            write.rs     the folder
//! ```
//!
//! A state is an expected profile over the model's genes, and an observed cell that it stands at. A step shows the model a cell
//! drawn of the profile, moves the profile by the velocity that the decoder predicts for that cell, goes on to an observed cell
//! around that lies along the velocity, and pulls the profile there.

mod ahead;
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
