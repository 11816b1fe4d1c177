//! Values of many cells along time: their median and the middle half.

use mfdoom_error::Result;
use plotters::prelude::*;

use crate::canvas::{draw, font, px, stroke};
use crate::chart::{Frame, range};
use crate::palette::colour;
use crate::picture::Picture;
use crate::same;

const SIZE: [i32; 2] = [720, 440];
const BESIDE: i32 = 150;
const ROW: i32 = 20;
const TOP: i32 = 48;

/// Series of distributions over the same times.
pub struct Course<'a> {
    /// Stands above the plot.
    pub title: &'a str,
    /// Names of the axes.
    pub axes: [&'a str; 2],
    /// Name of each series.
    pub names: &'a [&'a str],
    /// The times, ascending or descending.
    pub times: &'a [f64],
    /// Values of each series at each time, in any order.
    pub values: &'a [Vec<Vec<f64>>],
}

/// A time with the quartiles of the values there.
type Quartiles = (f64, [f64; 3]);

impl Course<'_> {
    /// Draws the median of each series as a line and its quartiles as a band.
    ///
    /// # Errors
    /// Failed, when names, times and values differ in number or the plot cannot be drawn.
    pub fn draw(&self) -> Result<Picture> {
        same("names of series", self.names.len(), self.values.len())?;
        for series in self.values {
            same("times of a series", series.len(), self.times.len())?;
        }
        let series: Vec<Vec<Quartiles>> = self.values.iter().map(|values| self.quartiles(values)).collect();
        let heights = series.iter().flatten().flat_map(|(_, of)| *of);
        let ranges = [range(self.times.iter().copied()), range(heights.chain([0.0]))];
        draw([SIZE[0] + BESIDE, SIZE[1]], |root| {
            let (plot, beside) = root.split_horizontally(px(SIZE[0]));
            let mut chart = Frame { title: self.title, axes: self.axes, ranges, ticks: 6 }.draw(&plot)?;
            for (at, of) in series.iter().enumerate() {
                let upper = of.iter().map(|(time, q)| (*time, q[2]));
                let lower = of.iter().rev().map(|(time, q)| (*time, q[0]));
                let band: Vec<(f64, f64)> = upper.chain(lower).collect();
                chart.draw_series(std::iter::once(Polygon::new(band, colour(at).mix(0.18).filled())))?;
                let middle: Vec<(f64, f64)> = of.iter().map(|(time, q)| (*time, q[1])).collect();
                let line = colour(at).stroke_width(stroke(2.0));
                chart.draw_series(std::iter::once(PathElement::new(middle, line)))?;
            }
            for (at, name) in self.names.iter().enumerate() {
                let (x, y) = (px(8), px(TOP + at as i32 * ROW));
                beside.draw(&Circle::new((x, y), px(5), colour(at).filled()))?;
                beside.draw(&Text::new((*name).to_owned(), (x + px(12), y - px(6)), font(12.0)))?;
            }
            Ok(())
        })
    }

    fn quartiles(&self, values: &[Vec<f64>]) -> Vec<Quartiles> {
        let of = |(time, values): (&f64, &Vec<f64>)| {
            let mut sorted: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
            (!sorted.is_empty()).then(|| (*time, [at(0.25), at(0.5), at(0.75)]))
        };
        self.times.iter().zip(values).filter_map(of).collect()
    }
}
