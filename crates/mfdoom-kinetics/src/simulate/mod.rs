//! Simulated cells: splicing kinetics along a branching lineage, seen through the noise of sequencing.
//!
//! From biology to counts, one file per step:
//!
//! | file | what |
//! |---|---|
//! | [`design`](Design) | the settings, and which of them are impossible |
//! | [`lineage`](Tree) | the tree of named cell types and their stretches of time |
//! | [`splicing`](Rates) | du/dt = alpha - beta u, ds/dt = beta u - gamma s, solved in closed form |
//! | [`gene`](Gene) | rates and transcription programme of a gene, its state at any place of the tree |
//! | [`cell`](Cell) | where a cell stands, and how well its molecules were captured |
//! | [`batch`](Batch) | what an experimental batch does to depth and genes |
//! | [`counts`](Noise) | Poisson and negative-binomial counts around a mean |
//! | [`simulation`](Simulation) | all of it together, by blocks of cells |
//! | `stream` | random numbers keyed by (seed, purpose, item) |
//!
//! Time is in arbitrary units in which the splicing rate has median 1; states are molecules per cell before
//! capture; velocities are molecules per unit of time. The same design gives the same numbers whatever the
//! number of threads and however the cells are cut into blocks.
//!
//! ```
//! use mfdoom_kinetics::simulate::{Design, Simulation};
//!
//! let simulation = Simulation::new(Design { cells: 50, genes: 20, ..Design::default() })?;
//! let block = simulation.block(0..50);
//! assert_eq!(block.total.n_rows(), 50);
//! assert_eq!(block.total.n_cols(), 20);
//! # Ok::<(), mfdoom_kinetics::simulate::DesignError>(())
//! ```

mod batch;
mod cell;
mod counts;
mod design;
mod gene;
mod lineage;
mod simulation;
mod splicing;
mod stream;

pub use batch::Batch;
pub use cell::Cell;
pub use counts::Noise;
pub use design::{Design, DesignError};
pub use gene::{Gene, Programme};
pub use lineage::{Branch, Tree};
pub use simulation::{Block, Simulation, Truth};
pub use splicing::{Rates, State};
