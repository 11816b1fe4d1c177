//! The phase portrait of a gene.

use mfdoom_error::Result;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use crate::canvas::{Area, Painted, draw, font, px, stroke};
use crate::chart::{Chart, Frame, range};
use crate::groups::Groups;
use crate::legend::Legend;
use crate::palette::signed;
use crate::picture::Picture;
use crate::{points, same};

const SIZE: [i32; 2] = [560, 480];
const SCALE_WIDTH: i32 = 110;
const STEPS: i32 = 64;
const LINE: RGBColor = RGBColor(0x1a, 0x1a, 0x1a);

/// What the colour of a cell says.
pub enum CellColours<'a> {
    /// Group of each cell, where it has one.
    Groups(&'a [Option<&'a str>]),
    /// A signed value of each cell, as its velocity, and what it is; what is not finite is left out.
    Values(&'a str, &'a [f64]),
}

/// Unspliced against spliced counts of a gene.
pub struct PhasePortrait<'a> {
    /// Stands above the plot.
    pub gene: &'a str,
    /// Spliced counts of each cell, as the fit saw them.
    pub spliced: &'a [f64],
    /// Unspliced counts of each cell.
    pub unspliced: &'a [f64],
    /// Slope of the steady state: unspliced = slope x spliced, gamma over beta.
    pub slope: Option<f64>,
    /// Fitted course of (spliced, unspliced), where there is one.
    pub course: &'a [[f64; 2]],
    /// Colours of the cells.
    pub colours: CellColours<'a>,
}

impl PhasePortrait<'_> {
    /// Draws the plot.
    ///
    /// # Errors
    /// Failed, when the slices differ in length or the plot cannot be drawn.
    pub fn draw(&self) -> Result<Picture> {
        same("unspliced counts", self.unspliced.len(), self.spliced.len())?;
        let place = |(&s, &u): (&f64, &f64)| [s, u];
        let cells: Vec<[f64; 2]> = self.spliced.iter().zip(self.unspliced).map(place).collect();
        match &self.colours {
            CellColours::Groups(groups) => {
                same("groups", groups.len(), cells.len())?;
                let groups = Groups::new(groups);
                let legend = Legend::new(&groups, SIZE[1]);
                draw([SIZE[0] + legend.width(), SIZE[1]], |root| {
                    let (plot, beside) = root.split_horizontally(px(SIZE[0]));
                    let mut chart = self.frame(&plot, &cells)?;
                    points::by_group(&mut chart, &cells, &groups, 0.6)?;
                    self.lines(&mut chart)?;
                    legend.draw(&beside)
                })
            }
            CellColours::Values(name, values) => {
                same("values", values.len(), cells.len())?;
                let end = far(values);
                draw([SIZE[0] + SCALE_WIDTH, SIZE[1]], |root| {
                    let (plot, beside) = root.split_horizontally(px(SIZE[0]));
                    let mut chart = self.frame(&plot, &cells)?;
                    by_value(&mut chart, &cells, values, end)?;
                    self.lines(&mut chart)?;
                    scale(&beside, name, end)
                })
            }
        }
    }

    fn frame<'a, 'b>(&self, area: &'a Area<'b>, cells: &[[f64; 2]]) -> Painted<Chart<'a, 'b>> {
        let axis = |axis: usize| range(cells.iter().chain(self.course).map(|cell| cell[axis]).chain([0.0]));
        Frame { title: self.gene, axes: ["spliced", "unspliced"], ranges: [axis(0), axis(1)], ticks: 6 }
            .draw(area)
    }

    fn lines(&self, chart: &mut Chart<'_, '_>) -> Painted {
        let style = LINE.stroke_width(stroke(1.5));
        if let Some(slope) = self.slope.filter(|slope| slope.is_finite() && *slope > 0.0) {
            let (right, top) = (chart.x_range().end, chart.y_range().end);
            let s = right.min(top / slope);
            let line = DashedPathElement::new([(0.0, 0.0), (s, slope * s)], px(6), px(4), style);
            chart.draw_series(std::iter::once(line))?;
        }
        let course: Vec<(f64, f64)> = self.course.iter().map(|point| (point[0], point[1])).collect();
        chart.draw_series((!course.is_empty()).then(|| PathElement::new(course, style)))?;
        Ok(())
    }
}

/// Returns what the ends of the scale stand for: the 98th percentile of the absolute values.
fn far(values: &[f64]) -> f64 {
    let mut sizes: Vec<f64> =
        values.iter().map(|value| value.abs()).filter(|size| size.is_finite()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let end = sizes.get((sizes.len().saturating_sub(1)) * 98 / 100).copied().unwrap_or(0.0);
    if end > 0.0 { end } else { 1.0 }
}

fn by_value(chart: &mut Chart<'_, '_>, cells: &[[f64; 2]], values: &[f64], end: f64) -> Painted {
    let cells_in_order = points::order(cells, |_| false).into_iter().filter(|&cell| values[cell].is_finite());
    let radius = points::radius(cells.len());
    chart.draw_series(cells_in_order.map(|cell| {
        let style = signed(values[cell] / end).mix(0.8).filled();
        Circle::new((cells[cell][0], cells[cell][1]), radius, style)
    }))?;
    Ok(())
}

/// Draws what the colours mean.
fn scale(area: &Area<'_>, name: &str, end: f64) -> Painted {
    let (left, right, top, height) = (px(8), px(24), px(72), px(256));
    area.draw(&Text::new(name.to_owned(), (left, px(48)), font(12.0)))?;
    for step in 0..STEPS {
        let value = 1.0 - 2.0 * (f64::from(step) + 0.5) / f64::from(STEPS);
        let y = top + height * step / STEPS;
        let corners = [(left, y), (right, top + height * (step + 1) / STEPS)];
        area.draw(&Rectangle::new(corners, signed(value).filled()))?;
    }
    for (share, value) in [(0, end), (1, 0.0), (2, -end)] {
        let y = top + height * share / 2;
        area.draw(&Text::new(short(value), (right + px(6), y - px(6)), font(10.5)))?;
    }
    Ok(())
}

/// Returns a number in three digits.
fn short(value: f64) -> String {
    let size = value.abs();
    if size > 0.0 && !(0.01..1000.0).contains(&size) { format!("{value:.1e}") } else { format!("{value:.2}") }
}
