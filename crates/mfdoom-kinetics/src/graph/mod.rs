//! The velocity graph: which neighbours a cell moves towards, and what follows from that.

mod confidence;
mod cosine;
mod drivers;
mod operator;
mod projection;
mod pseudotime;
mod terminal;
mod transition;

pub use confidence::{Confidence, confidence};
pub use cosine::{VelocityGraph, velocity_graph};
pub use drivers::{ClusterDrivers, DriverEvidence, DriverOptions, driver_candidates, rank_drivers, spearman};
pub use projection::{autoscale, project};
pub use pseudotime::{DiffusionMap, most_likely, velocity_pseudotime};
pub(crate) use terminal::scale;
pub use terminal::{TerminalStates, terminal_states};
pub use transition::transitions;
