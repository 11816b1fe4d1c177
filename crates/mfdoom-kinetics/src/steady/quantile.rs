//! Cells of extreme expression of one gene.

use mfdoom_matrix::percentile;

/// Smallest maximum that is divided by.
const MIN_MAXIMUM: f32 = 1e-3;

/// Marks the cells whose `x / max(x) + y / max(y)` reaches percentile `q` of all cells.
pub(super) fn upper_extreme(x: &[f32], y: &[f32], q: f64, scratch: &mut Vec<f64>) -> Vec<bool> {
    let (max_x, max_y) = (maximum(x).max(MIN_MAXIMUM), maximum(y).max(MIN_MAXIMUM));
    // The sum is rounded to f32 as in scVelo, so that ties at the bound fall on the same side.
    let total = |(&x, &y): (&f32, &f32)| f64::from(x / max_x + y / max_y);
    reaching(x.iter().zip(y).map(total), q, scratch)
}

/// Marks the cells whose `x` alone reaches percentile `q` of all cells.
pub(super) fn upper(x: &[f32], q: f64, scratch: &mut Vec<f64>) -> Vec<bool> {
    reaching(x.iter().map(|&x| f64::from(x)), q, scratch)
}

/// Marks the values that reach their own percentile `q`.
fn reaching(values: impl Iterator<Item = f64> + Clone, q: f64, scratch: &mut Vec<f64>) -> Vec<bool> {
    scratch.clear();
    scratch.extend(values.clone());
    let bound = percentile(scratch, q);
    values.map(|value| value >= bound).collect()
}

/// Returns the largest value, 0 for none.
fn maximum(values: &[f32]) -> f32 {
    values.iter().copied().fold(0.0, f32::max)
}
