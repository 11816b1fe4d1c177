//! A scatter plot of cells in the plane, coloured by group, with a legend next to it.

use mfdoom_error::Result;

use crate::canvas::{draw, px};
use crate::chart::{Frame, ranges};
use crate::groups::Groups;
use crate::legend::Legend;
use crate::picture::Picture;
use crate::{points, same};

const SIZE: [i32; 2] = [720, 640];

/// Points of cells and the group of each.
pub struct Scatter<'a> {
    /// Stands above the plot.
    pub title: &'a str,
    /// Names of the axes.
    pub axes: [&'a str; 2],
    /// Position of each cell; one that is not finite is not drawn.
    pub points: &'a [[f64; 2]],
    /// Group of each cell, where it has one.
    pub groups: &'a [Option<&'a str>],
}

impl Scatter<'_> {
    /// Draws the plot.
    ///
    /// # Errors
    /// Failed, when points and groups differ in number or the plot cannot be drawn.
    pub fn draw(&self) -> Result<Picture> {
        same("groups", self.groups.len(), self.points.len())?;
        let groups = Groups::new(self.groups);
        let legend = Legend::new(&groups, SIZE[1]);
        draw([SIZE[0] + legend.width(), SIZE[1]], |root| {
            let (plot, beside) = root.split_horizontally(px(SIZE[0]));
            let frame = Frame { title: self.title, axes: self.axes, ranges: ranges(self.points), ticks: 6 };
            points::by_group(&mut frame.draw(&plot)?, self.points, &groups, 0.75)?;
            legend.draw(&beside)
        })
    }
}
