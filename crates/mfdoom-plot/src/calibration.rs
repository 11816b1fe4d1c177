//! Whether a predicted uncertainty says how large the error is.

use mfdoom_error::Result;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use crate::canvas::{draw, px, stroke};
use crate::chart::{Frame, range};
use crate::picture::Picture;
use crate::same;

const SIZE: [i32; 2] = [560, 560];
const LINE: RGBColor = RGBColor(0x80, 0x80, 0x80);
const MARK: RGBColor = RGBColor(0x00, 0x72, 0xb2);

/// Cells of like uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CalibrationBin {
    /// Number of cells.
    pub n: usize,
    /// Mean of what was predicted.
    pub predicted: f64,
    /// Root mean square of the errors.
    pub observed: f64,
    /// First and third quartile of the errors.
    pub quartiles: [f64; 2],
}

/// Sorts cells by predicted uncertainty into bins of equal numbers, at most `n_bins`; pairs that are not finite are
/// left out. Of a perfect standard deviation the root mean square error equals the prediction in every bin.
///
/// ```
/// use mfdoom_plot::calibration_bins;
/// let bins = calibration_bins(&[1.0, 1.0, 3.0, 3.0], &[0.6, 0.8, 3.0, f64::NAN], 2).unwrap();
/// assert_eq!((bins[0].n, bins[0].predicted), (2, 1.0));
/// assert!((bins[0].observed - 0.5f64.sqrt()).abs() < 1e-12);
/// assert_eq!((bins[1].n, bins[1].observed), (1, 3.0));
/// ```
///
/// # Errors
/// Failed, when the slices differ in length.
pub fn calibration_bins(predicted: &[f64], error: &[f64], n_bins: usize) -> Result<Vec<CalibrationBin>> {
    same("errors", error.len(), predicted.len())?;
    let mut pairs: Vec<(f64, f64)> = predicted
        .iter()
        .zip(error)
        .filter(|(predicted, error)| predicted.is_finite() && error.is_finite())
        .map(|(&predicted, &error)| (predicted, error.abs()))
        .collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let bins = n_bins.min(pairs.len()).max(1);
    let cut = |bin: usize| (bin * pairs.len()).div_ceil(bins);
    let filled = (0..bins).map(|bin| &pairs[cut(bin)..cut(bin + 1)]).filter(|bin| !bin.is_empty());
    Ok(filled.map(summary).collect())
}

fn summary(pairs: &[(f64, f64)]) -> CalibrationBin {
    let n = pairs.len();
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n as f64;
    let mut errors: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    errors.sort_unstable_by(f64::total_cmp);
    CalibrationBin {
        n,
        predicted: mean(|pair| pair.0),
        observed: mean(|pair| pair.1 * pair.1).sqrt(),
        quartiles: [errors[n / 4], errors[(3 * n / 4).min(n - 1)]],
    }
}

/// Predicted uncertainty against observed error of the same cells.
pub struct Calibration<'a> {
    /// Stands above the plot.
    pub title: &'a str,
    /// Name of what was predicted, with its unit.
    pub predicted: &'a str,
    /// Name of the error, in the same unit.
    pub observed: &'a str,
    /// The bins, from [`calibration_bins`].
    pub bins: &'a [CalibrationBin],
}

impl Calibration<'_> {
    /// Draws the bins with the quartiles of their errors, and the diagonal where both are equal.
    ///
    /// # Errors
    /// Failed, when the plot cannot be drawn.
    pub fn draw(&self) -> Result<Picture> {
        let values = self.bins.iter().flat_map(|bin| [bin.predicted, bin.observed, bin.quartiles[1]]);
        let span = range(values.chain([0.0]));
        let ranges = [span.clone(), span.clone()];
        draw(SIZE, |root| {
            let frame = Frame { title: self.title, axes: [self.predicted, self.observed], ranges, ticks: 6 };
            let mut chart = frame.draw(root)?;
            let ends = [(0.0, 0.0), (span.end, span.end)];
            let diagonal = DashedPathElement::new(ends, px(6), px(4), LINE.stroke_width(stroke(1.2)));
            chart.draw_series(std::iter::once(diagonal))?;
            let thin = MARK.stroke_width(stroke(1.2));
            chart.draw_series(self.bins.iter().map(|bin| {
                let ends = bin.quartiles.map(|error| (bin.predicted, error));
                PathElement::new(ends.to_vec(), thin)
            }))?;
            let means = || self.bins.iter().map(|bin| (bin.predicted, bin.observed));
            chart.draw_series(std::iter::once(PathElement::new(means().collect::<Vec<_>>(), thin)))?;
            chart.draw_series(means().map(|at| Circle::new(at, px(4), MARK.filled())))?;
            Ok(())
        })
    }
}
