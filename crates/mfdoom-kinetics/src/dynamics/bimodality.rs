//! Whether the abundances of a gene have a second mode, that is, a second steady state.

use mfdoom_matrix::percentile;

use super::math::{exp, normal_tail};

/// Points at which the density is looked at.
const BINS: usize = 30;

/// The density's upper peak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct UpperMode {
    /// Chance of such a peak without a second mode.
    pub p_value: f64,
    /// Abundance at the peak.
    pub mean: f64,
}

/// Looks for an upper mode in `values` by a Gaussian kernel density (scVelo `test_bimodality`).
pub(super) fn upper_mode(values: &[f64], scratch: &mut Vec<f64>) -> UpperMode {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scratch.clear();
    scratch.extend_from_slice(values);
    let bound = percentile(scratch, 99.9);
    let end = if bound <= low { bound } else { high };
    let grid: [f64; BINS] = std::array::from_fn(|k| low + (end - low) * k as f64 / (BINS - 1) as f64);
    let density = pulp::Arch::new().dispatch(Density { values, grid: &grid });
    let Some(density) = density else { return UpperMode { p_value: 1.0, mean: 0.0 } };
    let middle = BINS / 2 - 2;
    let valley = middle + position(&density[middle..middle + 4], |a, b| a < b);
    let upper = &density[valley..];
    let peak = position(upper, |a, b| a > b);
    let spread = deviation(&density) / (BINS as f64).sqrt();
    let t = (upper[peak] - upper.iter().sum::<f64>() / upper.len() as f64) / spread.max(1.0);
    let next = (peak + 1).min(upper.len() - 1);
    UpperMode { p_value: normal_tail(t), mean: f64::midpoint(grid[valley + peak], grid[valley + next]) }
}

/// Arguments of [`densities`], whose body is compiled for each kind of vector unit.
struct Density<'a> {
    values: &'a [f64],
    grid: &'a [f64; BINS],
}

impl pulp::WithSimd for Density<'_> {
    type Output = Option<[f64; BINS]>;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> Self::Output {
        densities(self.values, self.grid)
    }
}

/// Returns the density at the grid, bandwidth by Scott's rule; none for constant values.
#[inline(always)]
fn densities(values: &[f64], grid: &[f64; BINS]) -> Option<[f64; BINS]> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let square = variance * n.powf(-0.4);
    if square.is_nan() || square <= 0.0 {
        return None;
    }
    let norm = n * (2.0 * std::f64::consts::PI * square).sqrt();
    let factor = -0.5 / square;
    let mut out = [0.0; BINS];
    for (slot, &x) in out.iter_mut().zip(grid) {
        let mut lanes = [0.0; 8];
        let mut chunks = values.chunks_exact(8);
        for chunk in &mut chunks {
            for k in 0..8 {
                lanes[k] += exp(factor * (x - chunk[k]) * (x - chunk[k]));
            }
        }
        let mut sum = 0.0;
        for value in chunks.remainder() {
            sum += exp(factor * (x - value) * (x - value));
        }
        for lane in lanes {
            sum += lane;
        }
        *slot = sum / norm;
    }
    Some(out)
}

/// Returns the first position that no other betters.
fn position(values: &[f64], better: impl Fn(f64, f64) -> bool) -> usize {
    (1..values.len()).fold(0, |best, k| if better(values[k], values[best]) { k } else { best })
}

/// Returns the population standard deviation.
fn deviation(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}
