//! Axes: ranges, ticks and titles, the same in every plot.

use std::ops::Range;

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::canvas::{Area, Painted, font, px, stroke};

/// A plane with axes.
pub(crate) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

const MARGIN: i32 = 16;
/// Height of the title in pixels.
const TITLE: i32 = 26;
const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);

/// What stands at the axes.
pub(crate) struct Frame<'a> {
    /// Stands above the plane.
    pub(crate) title: &'a str,
    /// Names of the axes.
    pub(crate) axes: [&'a str; 2],
    /// What the axes span.
    pub(crate) ranges: [Range<f64>; 2],
    /// Number of ticks wanted on each axis; without any, as where units mean nothing, only names stand there.
    pub(crate) ticks: usize,
}

impl Frame<'_> {
    /// Returns the space next to and below the plane in pixels.
    fn beside(&self) -> [i32; 2] {
        if self.ticks > 0 { [52, 40] } else { [24, 22] }
    }

    /// Returns the space that axes, their names and the title take around the plane, in pixels across and up.
    pub(crate) fn around(&self) -> [i32; 2] {
        let [left, below] = self.beside();
        [left + 2 * MARGIN, below + TITLE + 2 * MARGIN]
    }

    /// Draws the axes.
    pub(crate) fn draw<'a, 'b>(&self, area: &'a Area<'b>) -> Painted<Chart<'a, 'b>> {
        let [across, up] = self.ranges.clone();
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, font(15.0).into_font().color(&INK))
            .margin(px(MARGIN))
            .x_label_area_size(px(self.beside()[1]))
            .y_label_area_size(px(self.beside()[0]))
            .build_cartesian_2d(across, up)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(INK.stroke_width(stroke(1.0)))
            .set_all_tick_mark_size(px(4))
            .x_desc(self.axes[0])
            .y_desc(self.axes[1])
            .axis_desc_style(font(12.0))
            .label_style(font(10.5))
            .x_labels(self.ticks)
            .y_labels(self.ticks)
            .draw()?;
        Ok(chart)
    }
}

/// Returns the range of finite values with a margin on both sides.
pub(crate) fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold(start, |(low, high), value| (low.min(value), high.max(value)));
    let margin = ((high - low) * 0.04).max(1e-6);
    if low <= high { low - margin..high + margin } else { 0.0..1.0 }
}

/// Returns the ranges of points in the plane.
pub(crate) fn ranges(points: &[[f64; 2]]) -> [Range<f64>; 2] {
    [0, 1].map(|axis| range(points.iter().map(|point| point[axis])))
}
