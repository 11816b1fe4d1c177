//! Paths through the plane over cells coloured by group.

use mfdoom_error::Result;
use plotters::prelude::*;

use crate::canvas::{draw, px, stroke};
use crate::chart::{Frame, ranges};
use crate::groups::Groups;
use crate::legend::Legend;
use crate::picture::Picture;
use crate::{points, same};

const SIZE: [i32; 2] = [720, 640];
const LINE: RGBColor = RGBColor(0x11, 0x11, 0x11);

/// Cells and paths over them.
pub struct Paths<'a> {
    /// Stands above the plot.
    pub title: &'a str,
    /// Names of the axes.
    pub axes: [&'a str; 2],
    /// Position of each cell; one that is not finite is not drawn.
    pub points: &'a [[f64; 2]],
    /// Group of each cell, where it has one.
    pub groups: &'a [Option<&'a str>],
    /// Positions along each path; those that are not finite are passed over.
    pub paths: &'a [Vec<[f64; 2]>],
}

impl Paths<'_> {
    /// Draws the cells faintly, each path as a line, its start as a ring and its end as a disc.
    ///
    /// # Errors
    /// Failed, when points and groups differ in number or the plot cannot be drawn.
    pub fn draw(&self) -> Result<Picture> {
        same("groups", self.groups.len(), self.points.len())?;
        let groups = Groups::new(self.groups);
        let legend = Legend::new(&groups, SIZE[1]);
        draw([SIZE[0] + legend.width(), SIZE[1]], |root| {
            let (plot, beside) = root.split_horizontally(px(SIZE[0]));
            let frame = Frame { title: self.title, axes: self.axes, ranges: ranges(self.points), ticks: 0 };
            let mut chart = frame.draw(&plot)?;
            points::by_group(&mut chart, self.points, &groups, 0.35)?;
            for path in self.paths {
                let finite = path.iter().filter(|at| at.iter().all(|x| x.is_finite()));
                let way: Vec<(f64, f64)> = finite.map(|at| (at[0], at[1])).collect();
                let (Some(first), Some(last)) = (way.first().copied(), way.last().copied()) else { continue };
                let line = LINE.mix(0.45).stroke_width(stroke(1.0));
                chart.draw_series(std::iter::once(PathElement::new(way, line)))?;
                chart.draw_series(std::iter::once(Circle::new(
                    first,
                    px(3),
                    LINE.stroke_width(stroke(1.0)),
                )))?;
                chart.draw_series(std::iter::once(Circle::new(last, px(3), LINE.filled())))?;
            }
            legend.draw(&beside)
        })
    }
}
