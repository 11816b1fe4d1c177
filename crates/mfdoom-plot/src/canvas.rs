//! The sheet that plots are drawn on.

use mfdoom_error::{Error, Result};
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::picture::Picture;

/// A part of the sheet.
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What drawing returns.
pub(crate) type Painted<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Units of a drawing for one pixel: the library places everything on whole units.
const UNITS: i32 = 4;
/// What the library divides a size by to get that of the font.
const EM: f64 = 1.24;

/// Returns a length in pixels as units.
pub(crate) fn px(pixels: i32) -> i32 {
    pixels * UNITS
}

/// Returns the style of text of a size in pixels.
pub(crate) fn font(pixels: f64) -> (&'static str, f64) {
    ("sans-serif", pixels * f64::from(UNITS) * EM)
}

/// Returns the width in units of a line of this many pixels.
pub(crate) fn stroke(pixels: f64) -> u32 {
    (pixels * f64::from(UNITS)).round() as u32
}

/// Draws a picture of a size in pixels.
///
/// # Errors
/// Failed, when the library cannot draw.
pub(crate) fn draw(size: [i32; 2], paint: impl FnOnce(&Area<'_>) -> Painted) -> Result<Picture> {
    let mut svg = String::new();
    let [width, height] = size.map(|length| px(length).max(0) as u32);
    let painted = || -> Painted {
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        root.fill(&WHITE)?;
        paint(&root)?;
        root.present()?;
        Ok(())
    };
    painted().map_err(|error| Error::failed(format!("the plot cannot be drawn: {error}")))?;
    // The view box stays in units, so that positions are finer than pixels.
    let fine = format!("width=\"{width}\" height=\"{height}\"");
    let shown = format!("width=\"{}\" height=\"{}\"", size[0], size[1]);
    Ok(Picture::new(svg.replacen(&fine, &shown, 1)))
}
