//! Streamlines of velocities over the cells of an embedding.

mod grid;
mod lines;

use std::ops::Range;

use mfdoom_error::Result;
use plotters::prelude::*;

use self::grid::Grid;
use crate::canvas::{Painted, draw, px, stroke};
use crate::chart::{Chart, Frame, ranges};
use crate::groups::Groups;
use crate::legend::Legend;
use crate::picture::Picture;
use crate::{points, same};

/// Width of a plane in pixels, alone and next to another.
const WIDTH: [i32; 2] = [620, 500];
/// Height over width of a plane at least and at most.
const ASPECT: [f64; 2] = [0.6, 1.1];
const LINE: RGBColor = RGBColor(0x1a, 0x1a, 0x1a);
/// Length of an arrow head along and half its width across, in pixels.
const HEAD: [f64; 2] = [9.0, 3.5];
/// A line has one head for so many of its points.
const POINTS_A_HEAD: usize = 90;

/// Velocities of the cells in the plane of the embedding.
pub struct Field<'a> {
    /// Stands above the field.
    pub title: &'a str,
    /// Velocity of each cell, in units of the embedding; a cell whose velocity is not finite has none.
    pub velocity: &'a [[f64; 2]],
}

/// Velocity fields over one embedding, side by side on the same axes.
pub struct Streams<'a> {
    /// Names of the axes.
    pub axes: [&'a str; 2],
    /// Position of each cell.
    pub points: &'a [[f64; 2]],
    /// Group of each cell, where it has one.
    pub groups: &'a [Option<&'a str>],
    /// One field, or several to compare.
    pub fields: &'a [Field<'a>],
}

impl Streams<'_> {
    /// Draws the streamlines over the cells.
    ///
    /// # Errors
    /// Failed, when points, groups and velocities differ in number or the plot cannot be drawn.
    pub fn draw(&self) -> Result<Picture> {
        same("groups", self.groups.len(), self.points.len())?;
        for field in self.fields {
            same("velocities", field.velocity.len(), self.points.len())?;
        }
        let groups = Groups::new(self.groups);
        let width = WIDTH[usize::from(self.fields.len() > 1)];
        let (ranges, height) = to_scale(ranges(self.points), width);
        let frames: Vec<Frame<'_>> = self
            .fields
            .iter()
            .map(|field| Frame { title: field.title, axes: self.axes, ranges: ranges.clone(), ticks: 0 })
            .collect();
        let around = frames.first().map_or([0; 2], Frame::around);
        let panel = [width + around[0], height + around[1]];
        let legend = Legend::new(&groups, panel[1]);
        let n = self.fields.len() as i32;
        draw([n * panel[0] + legend.width(), panel[1]], |root| {
            let (planes, beside) = root.split_horizontally(px(n * panel[0]));
            let areas = planes.split_evenly((1, frames.len().max(1)));
            for ((area, frame), field) in areas.iter().zip(&frames).zip(self.fields) {
                self.panel(&mut frame.draw(area)?, field, &groups)?;
            }
            legend.draw(&beside)
        })
    }

    fn panel(&self, chart: &mut Chart<'_, '_>, field: &Field<'_>, groups: &Groups<'_>) -> Painted {
        points::by_group(chart, self.points, groups, 0.4)?;
        let lines = streamlines(self.points, field.velocity);
        let style = LINE.stroke_width(stroke(1.2));
        chart.draw_series(lines.iter().map(|line| {
            PathElement::new(line.iter().map(|point| (point[0], point[1])).collect::<Vec<_>>(), style)
        }))?;
        for line in &lines {
            heads(chart, line)?;
        }
        Ok(())
    }
}

/// Returns streamlines: polylines in the plane of the embedding, each running with the velocities.
///
/// Velocities are averaged on a grid by a Gaussian kernel one node wide, and lines are integrated from the nodes
/// with most cells on, as long as there are cells around and no other line is near (after Jobard and Lefer 1997).
pub fn streamlines(points: &[[f64; 2]], velocity: &[[f64; 2]]) -> Vec<Vec<[f64; 2]>> {
    Grid::new(points, velocity).map_or_else(Vec::new, |grid| lines::trace(&grid))
}

/// Returns ranges of one scale on both axes and the height of the plane, so that directions are true.
fn to_scale(ranges: [Range<f64>; 2], width: i32) -> ([Range<f64>; 2], i32) {
    let [across, up] = [0, 1].map(|axis| ranges[axis].end - ranges[axis].start);
    let aspect = (up / across).clamp(ASPECT[0], ASPECT[1]);
    let grown = [(up / aspect).max(across), (across * aspect).max(up)];
    let [x, y] = [0, 1].map(|axis: usize| {
        let middle = (ranges[axis].start + ranges[axis].end) / 2.0;
        middle - grown[axis] / 2.0..middle + grown[axis] / 2.0
    });
    ([x, y], (f64::from(width) * aspect).round() as i32)
}

/// Draws the heads of arrows along a line, one in the middle of each part.
fn heads(chart: &mut Chart<'_, '_>, line: &[[f64; 2]]) -> Painted {
    let parts = (line.len() / POINTS_A_HEAD).max(1);
    (0..parts).try_for_each(|part| head(chart, line, (2 * part + 1) * line.len() / (2 * parts)))
}

fn head(chart: &mut Chart<'_, '_>, line: &[[f64; 2]], middle: usize) -> Painted {
    let ahead = (middle + 2).min(line.len() - 1);
    let behind = middle.saturating_sub(2);
    let pixel = |point: [f64; 2]| chart.backend_coord(&(point[0], point[1]));
    let (from, to) = (pixel(line[behind]), pixel(line[ahead]));
    let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let length = dx.hypot(dy);
    if length == 0.0 {
        return Ok(());
    }
    let (along, across) = ((dx / length, dy / length), (-dy / length, dx / length));
    let corner = |forward: f64, aside: f64| {
        let place = |a: f64, b: f64| (f64::from(px(1)) * (forward * a + aside * b)).round() as i32;
        (place(along.0, across.0), place(along.1, across.1))
    };
    let [ahead, half] = HEAD;
    let corners = vec![corner(ahead / 2.0, 0.0), corner(-ahead / 2.0, half), corner(-ahead / 2.0, -half)];
    let at = (line[middle][0], line[middle][1]);
    chart.draw_series(std::iter::once(EmptyElement::at(at) + Polygon::new(corners, LINE)))?;
    Ok(())
}
