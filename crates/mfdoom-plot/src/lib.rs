//! Plots of cells, velocities and uncertainties as SVG or PNG, from plain slices.
//!
//! | plot | shows |
//! |---|---|
//! | [`Scatter`] | cells in the plane, coloured by group |
//! | [`Streams`] | streamlines of one velocity field over the cells, or of two side by side |
//! | [`PhasePortrait`] | a gene: unspliced against spliced counts, with the line of its steady state |
//! | [`Paths`] | paths over cells in the plane |
//! | [`Course`] | values along time: medians and quartiles |
//! | [`Calibration`] | predicted uncertainty against observed error, with the diagonal |
//!
//! Every plot has a `draw` that returns a [`Picture`], whose bytes are SVG or PNG. Nothing here reads or writes
//! files, and equal input gives equal bytes. SVG text takes the reader's own sans-serif; PNG text is set in the
//! Noto Sans that is linked in, so a machine without fonts draws the same picture.
//!
//! The first ten colours can be told apart with red-green blindness too; groups beyond the palette are triangles.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod calibration;
mod canvas;
mod chart;
mod course;
mod groups;
mod legend;
mod palette;
mod paths;
mod phase;
mod picture;
mod points;
mod scatter;
mod stream;

pub use calibration::{Calibration, CalibrationBin, calibration_bins};
pub use course::Course;
use mfdoom_error::{Error, Result};
pub use palette::{COLOURS, Rgb, UNNAMED, colour};
pub use paths::Paths;
pub use phase::{CellColours, PhasePortrait};
pub use picture::{Format, Picture};
pub use scatter::Scatter;
pub use stream::{Field, Streams, streamlines};

/// Checks that a slice has a value for every cell.
fn same(what: &str, found: usize, wanted: usize) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(Error::failed(format!("{what} do not match the cells of the plot"))
        .found(found.to_string())
        .wanted(wanted.to_string()))
}
