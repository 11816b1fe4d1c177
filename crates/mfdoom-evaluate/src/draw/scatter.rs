//! A scatter plot of cells in the plane, coloured by group, with a legend beside it.

use super::palette::{COLOURS, UNNAMED, colour};
use mfdoom_error::{Error, Result};
use mfdoom_metrics::subsample;
use plotters::coord::Shift;
use plotters::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

const PLOT_WIDTH: u32 = 720;
const HEIGHT: u32 = 640;
/// Most points drawn: more make a heavy file and no better picture.
const MAX_POINTS: usize = 6000;
const LEGEND_ROW: i32 = 20;
const LEGEND_TOP: i32 = 60;
const MAX_NAME: usize = 32;

/// Points of cells and the group of each.
pub struct Scatter<'a> {
    /// Stands above the plot.
    pub title: &'a str,
    /// Names of the axes.
    pub axes: [&'a str; 2],
    /// Position of each cell.
    pub points: &'a [[f64; 2]],
    /// Group of each cell, where it has one.
    pub groups: Vec<Option<&'a str>>,
}

impl Scatter<'_> {
    /// Returns the plot as SVG.
    ///
    /// # Errors
    /// Failed, when the plot cannot be drawn.
    pub fn to_svg(&self) -> Result<String> {
        let mut svg = String::new();
        self.draw(&mut svg).map_err(|error| Error::failed(format!("the plot cannot be drawn: {error}")))?;
        Ok(svg)
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
        let names = self.names();
        let rows = usize::try_from((HEIGHT as i32 - LEGEND_TOP - 10) / LEGEND_ROW)?;
        let columns = (names.len() + 1).div_ceil(rows).max(1) as u32;
        let longest = names.keys().map(|name| name.chars().count()).max().unwrap_or(0).min(MAX_NAME) as u32;
        let column_width = 90 + 8 * longest;
        let size = (PLOT_WIDTH + columns * column_width, HEIGHT);
        let root = SVGBackend::with_string(svg, size).into_drawing_area();
        root.fill(&WHITE)?;
        let (plot, legend) = root.split_horizontally(PLOT_WIDTH);
        self.plot(&plot, &names)?;
        self.legend(&legend, &names, rows, column_width)?;
        root.present()?;
        Ok(())
    }

    /// Returns the number and the cells of every group, in order of names.
    fn names(&self) -> BTreeMap<&str, (usize, usize)> {
        let mut names: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for name in self.groups.iter().flatten() {
            names.entry(name).or_default().1 += 1;
        }
        names.values_mut().enumerate().for_each(|(at, entry)| entry.0 = at);
        names
    }

    fn plot(
        &self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
        names: &BTreeMap<&str, (usize, usize)>,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let (across, up) = (self.range(0), self.range(1));
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, ("sans-serif", 20))
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(56)
            .build_cartesian_2d(across, up)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .x_desc(self.axes[0])
            .y_desc(self.axes[1])
            .axis_desc_style(("sans-serif", 15))
            .label_style(("sans-serif", 12))
            .x_labels(6)
            .y_labels(6)
            .draw()?;
        let chosen = subsample(self.points.len(), MAX_POINTS, 0);
        let radius = if chosen.len() > 2000 { 2 } else { 3 };
        let group = |cell: usize| self.groups[cell].and_then(|name| names.get(name)).map(|(group, _)| *group);
        let place = |cell: usize| (self.points[cell][0], self.points[cell][1]);
        let style = |cell: usize| fill(group(cell)).mix(0.75).filled();
        let (triangles, discs): (Vec<usize>, Vec<usize>) =
            self.order(chosen).into_iter().partition(|&cell| is_triangle(group(cell)));
        chart.draw_series(discs.into_iter().map(|cell| Circle::new(place(cell), radius, style(cell))))?;
        chart.draw_series(
            triangles.into_iter().map(|cell| TriangleMarker::new(place(cell), radius + 1, style(cell))),
        )?;
        Ok(())
    }

    /// Returns the cells in a scattered order, so that no group hides the others by being drawn last.
    fn order(&self, mut cells: Vec<usize>) -> Vec<usize> {
        cells.sort_by_key(|&cell| (cell as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // What has no group lies below all others.
        cells.sort_by_key(|&cell| self.groups[cell].is_some());
        cells
    }

    fn legend(
        &self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
        names: &BTreeMap<&str, (usize, usize)>,
        rows: usize,
        column_width: u32,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let without = self.groups.iter().filter(|group| group.is_none()).count();
        let named = names.iter().map(|(name, (group, n))| (shorten(name), *n, Some(*group)));
        let unnamed = (without > 0).then(|| ("no label".to_owned(), without, None));
        for (at, (name, n, group)) in named.chain(unnamed).enumerate() {
            let x = (at / rows) as i32 * column_width as i32 + 8;
            let y = LEGEND_TOP + (at % rows) as i32 * LEGEND_ROW;
            match is_triangle(group) {
                false => area.draw(&Circle::new((x, y), 5, fill(group).filled()))?,
                true => area.draw(&TriangleMarker::new((x, y), 6, fill(group).filled()))?,
            }
            area.draw(&Text::new(format!("{name} ({n})"), (x + 12, y - 6), ("sans-serif", 14)))?;
        }
        Ok(())
    }

    /// Returns the range of a coordinate with a margin.
    fn range(&self, axis: usize) -> Range<f64> {
        let values = || self.points.iter().map(|point| point[axis]);
        let (low, high) =
            (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
        let margin = ((high - low) * 0.04).max(1e-6);
        if low.is_finite() && high.is_finite() { low - margin..high + margin } else { 0.0..1.0 }
    }
}

/// Returns the colour of a group or of none.
fn fill(group: Option<usize>) -> RGBColor {
    group.map_or(UNNAMED, colour)
}

/// Returns whether a group is drawn as triangles: where the colours come a second time, and so on.
fn is_triangle(group: Option<usize>) -> bool {
    group.is_some_and(|group| (group / COLOURS.len()) % 2 == 1)
}

fn shorten(name: &str) -> String {
    match name.chars().count() {
        0..=MAX_NAME => name.to_owned(),
        _ => name.chars().take(MAX_NAME - 1).chain(['…']).collect(),
    }
}
