//! `mfdoom-simulate`: cells on a branching lineage, their counts as a sequencer would see them, and their truth.
//!
//! [`args`](Args) says what the user may ask for, [`plan`](Plan) what will be made, `frames` names and annotates
//! cells and genes, `write` streams blocks of cells into h5ad files. The kinetics are
//! [`mfdoom_kinetics::simulate`].
//!
//! # What a file holds
//! | where | what | `--truth` |
//! |---|---|---|
//! | `X` | total counts | |
//! | `layers/spliced`, `layers/unspliced` | counts, in fully measured batches only | |
//! | `obs/cell_type`, `obs/batch` | labels | |
//! | `obs/lineage`, `obs/true_t`, `obs/true_capture` | fate once only one is left (else `uncommitted`), latent time, captured share of the molecules | cells |
//! | `var/true_alpha`, `true_alpha_low`, `true_beta`, `true_gamma` | rates per unit of time | cells |
//! | `var/true_t_on`, `true_t_off`, `programme`, `programme_branch` | switches of transcription (NaN: none), what and where | cells |
//! | `layers/true_unspliced`, `true_spliced` | molecules before capture, batch and noise | full |
//! | `layers/true_velocity` | beta u - gamma s, spliced molecules per unit of time | full |
//! | `uns/mfdoom_simulate` | version and settings | |

mod args;
mod file;
mod frames;
mod plan;
mod run;
mod write;

pub use args::{Args, NoiseKind, TruthLevel};
pub use plan::{Measured, Part, Plan};
pub use run::run;
