//! Pictures, as SVG.

mod palette;
mod scatter;

pub use palette::{COLOURS, UNNAMED, colour};
pub use scatter::Scatter;
