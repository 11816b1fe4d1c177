//! Numbers of a file as the `f32` of a matrix, and what that hides.

use mfdoom_matrix::Csr;

/// The largest count that is taken: up to it every integer has its own `f64`.
pub const MAX_COUNT: f64 = 9_007_199_254_740_992.0;
/// How far from an integer a count may be: sums of floating point numbers do not end on one.
pub const TOLERANCE: f64 = 1e-6;

/// The largest integer up to which `f32` has all of them.
const EXACT: f32 = 16_777_216.0;
/// How many values that are no counts are shown.
const SHOWN: usize = 3;

/// Values that are no counts, although rounding to `f32` made them look so; a few of them are enough.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rounded(Vec<f64>);

impl Rounded {
    /// Returns the nearest `f32`, and notes a value that is no count and only thereby looks like one.
    pub fn narrow(&mut self, value: f64) -> f32 {
        let narrowed = value as f32;
        if f64::from(narrowed) != value && narrowed.fract() == 0.0 && !is_count(value) {
            self.note(value);
        }
        narrowed
    }

    /// Returns the nearest `f32` of an integer, and notes one above [`MAX_COUNT`].
    pub(crate) fn narrow_integer(&mut self, value: i128) -> f32 {
        if value > MAX_COUNT as i128 {
            self.note(value as f64);
        }
        value as f32
    }

    /// Notes what another one noted.
    pub fn extend(&mut self, other: &Self) {
        other.0.iter().for_each(|value| self.note(*value));
    }

    /// Returns the values that were noted, as they are stored.
    pub fn values(&self) -> &[f64] {
        &self.0
    }

    fn note(&mut self, value: f64) {
        if self.0.len() < SHOWN {
            self.0.push(value);
        }
    }
}

/// Returns up to three values that are not counts: negative, further than [`TOLERANCE`] from an integer, not finite, or
/// above [`MAX_COUNT`].
///
/// Values are judged as they are stored: 16777216.5 is returned as such, although its `f32` looks like a count.
pub(crate) fn not_counts(block: &Csr, rounded: &Rounded) -> Vec<f64> {
    if rounded.values().is_empty() && are_small_integers(block) {
        return Vec::new();
    }
    let stored = block.values().iter().map(|value| f64::from(*value)).filter(|value| !is_count(*value));
    rounded.values().iter().copied().chain(stored).take(SHOWN).collect()
}

/// Whether every value is an integer from 0 to 2^24, as nearly all are: a loop that the processor does at once.
pub(crate) fn are_small_integers(block: &Csr) -> bool {
    let is_one = |value: &f32| (*value as i32) as f32 == *value && (0.0..=EXACT).contains(value);
    block.values().chunks(512).all(|some| some.iter().fold(true, |all, value| all & is_one(value)))
}

/// Makes values that are counts but for [`TOLERANCE`] the integers that they stand for.
pub(crate) fn settle(block: &mut Csr) {
    for value in block.values_mut().iter_mut().filter(|value| value.fract() != 0.0) {
        let near = value.round();
        if f64::from((*value - near).abs()) <= TOLERANCE {
            *value = near;
        }
    }
}

/// Whether a value is a non-negative integer, but for the tolerance.
fn is_count(value: f64) -> bool {
    (-TOLERANCE..=MAX_COUNT).contains(&value) && (value - value.round()).abs() <= TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_row(values: Vec<f32>) -> Csr {
        let n = values.len();
        Csr::new(n, vec![0, n], (0..n as u32).collect(), values).unwrap()
    }

    #[test]
    fn infinities_and_nan_are_no_counts() {
        let block = one_row(vec![f32::INFINITY, f32::NAN, -1.0, 3.0]);
        let found = not_counts(&block, &Rounded::default());
        assert_eq!(found.len(), 3);
        assert!(found[0].is_infinite() && found[1].is_nan() && found[2] == -1.0);
    }

    #[test]
    fn counts_are_taken_up_to_2_to_the_53_and_within_a_millionth() {
        let mut rounded = Rounded::default();
        let stored = [30_565_379.0, 1.000_000_000_1, 3.999_999_9, MAX_COUNT];
        let mut block = one_row(stored.iter().map(|value| rounded.narrow(*value)).collect());
        assert!(not_counts(&block, &rounded).is_empty());
        settle(&mut block);
        assert_eq!(block.values(), [30_565_380.0, 1.0, 4.0, MAX_COUNT as f32]);
        for wrong in [16_777_216.5, 1.00001, 2.0 * MAX_COUNT, -1.0] {
            let mut rounded = Rounded::default();
            let block = one_row(vec![rounded.narrow(wrong)]);
            let found = not_counts(&block, &rounded);
            assert!((found[0] - wrong).abs() <= 1e-7 * wrong.abs(), "{found:?}");
        }
    }
}
