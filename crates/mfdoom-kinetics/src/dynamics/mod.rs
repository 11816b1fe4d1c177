//! The dynamical mode: transcription, splicing and degradation rates, the switch and every cell's latent time.
//!
//! Expectation maximisation per gene as scVelo 0.3.4's `recover_dynamics` (Bergen 2020), step by step:
//!
//! | file | what |
//! |---|---|
//! | `curve` | induction and repression in closed form, and their inverses |
//! | `gene` | a gene's abundances and the cells that are fitted |
//! | `assign` | times and states of all cells under given parameters, and the loss |
//! | `increments`, `project` | closing of jumps in time; projection on the curves |
//! | `initial`, `bimodality` | first parameters |
//! | `model`, `simplex`, `em` | which changes are accepted; the search; the sequence of searches |
//! | `recover` | all genes on all threads, rescaled to one duration |
//! | `velocity`, `latent` | velocities and the latent time that all genes share |

mod assign;
mod bimodality;
mod curve;
mod em;
mod gene;
mod increments;
mod initial;
mod latent;
mod math;
mod model;
mod project;
mod recover;
mod simplex;
mod velocity;
mod workspace;

pub use latent::{LatentOptions, latent_time};
pub use recover::{Dynamics, DynamicsOptions, GeneDynamics, recover_dynamics};
pub use velocity::{dynamical_velocity, dynamical_velocity_genes};
