//! A run of rows as a compressed sparse row matrix, and the check that its values are counts.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;

/// The largest count that is taken: up to it every integer has its own `f64`.
pub const MAX_COUNT: f64 = 9_007_199_254_740_992.0;
/// How far from an integer a count may be: sums of floating point numbers end beside it.
pub const TOLERANCE: f64 = 1e-6;

/// How many offending values [`CsrBlock::offending_counts`] shows.
const SHOWN: usize = 3;

/// Rows of a matrix: no explicit zeros, columns ascending within a row.
///
/// # Shapes
/// `indptr` is [n_rows + 1]; `indices` and `values` are [indptr\[n_rows\]].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CsrBlock {
    /// Number of columns of the matrix.
    pub n_cols: usize,
    /// Where each row begins.
    pub indptr: Vec<usize>,
    /// Column of each value.
    pub indices: Vec<u32>,
    /// The values.
    pub values: Vec<f32>,
    /// Stored values that are no counts, although rounding to `f32` made them look so; a few of them are enough.
    rounded: Vec<f64>,
}

impl CsrBlock {
    /// Makes a block of parts that hold the promises of the type.
    ///
    /// ```
    /// let block = mfdoom_counts::CsrBlock::new(4, vec![0, 2, 2], vec![1, 3], vec![5.0, 0.5]);
    /// assert_eq!(block.n_rows(), 2);
    /// assert_eq!(block.row(0), (&[1, 3][..], &[5.0, 0.5][..]));
    /// assert_eq!(block.offending_counts(), [0.5]);
    /// ```
    pub fn new(n_cols: usize, indptr: Vec<usize>, indices: Vec<u32>, values: Vec<f32>) -> Self {
        debug_assert_eq!(indices.len(), values.len());
        debug_assert_eq!(indptr.last(), Some(&indices.len()));
        Self { n_cols, indptr, indices, values, rounded: Vec::new() }
    }

    /// A block without rows.
    pub fn empty(n_cols: usize) -> Self {
        Self::new(n_cols, vec![0], Vec::new(), Vec::new())
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.indptr.len().saturating_sub(1)
    }

    /// Number of values.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }

    /// Columns and values of one row.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.indptr[row]..self.indptr[row + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// Up to three stored values that are not counts: negative, further than [`TOLERANCE`] from an integer, not
    /// finite, or above [`MAX_COUNT`].
    ///
    /// Values are judged as they are stored: 16777216.5 is returned as such, although its `f32` in
    /// [`values`](Self::values) looks like a count. Empty means that every value is a count, to the nearest `f32`.
    pub fn offending_counts(&self) -> Vec<f64> {
        let stored = self.values.iter().map(|value| f64::from(*value)).filter(|value| !is_count(*value));
        self.rounded.iter().copied().chain(stored).take(SHOWN).collect()
    }

    /// Returns the rows as a matrix, without the memory of what was rounded.
    ///
    /// # Errors
    /// Contract, when the parts do not hold the promises of the type.
    pub fn into_csr(self) -> Result<Csr> {
        Csr::new(self.n_cols, self.indptr, self.indices, self.values).map_err(Error::refusal)
    }

    /// Makes values that are counts but for [`TOLERANCE`] the integers that they stand for.
    pub fn settle_counts(&mut self) {
        for value in self.values.iter_mut().filter(|value| value.fract() != 0.0) {
            let near = value.round();
            if f64::from((*value - near).abs()) <= TOLERANCE {
                *value = near;
            }
        }
    }

    /// Appends rows `rows` of `other`, which has the same columns.
    pub fn extend(&mut self, other: &Self, rows: std::ops::Range<usize>) {
        let values = other.indptr[rows.start]..other.indptr[rows.end];
        let shift = self.values.len();
        let ends = &other.indptr[rows.start + 1..=rows.end];
        self.indptr.extend(ends.iter().map(|end| end - values.start + shift));
        self.indices.extend_from_slice(&other.indices[values.clone()]);
        self.values.extend_from_slice(&other.values[values]);
        self.note_rounded(&other.rounded);
    }

    /// Values that only rounding made look like counts.
    pub(crate) fn rounded(&self) -> &[f64] {
        &self.rounded
    }

    /// Remembers values that rounding made look like counts.
    pub(crate) fn note_rounded(&mut self, values: &[f64]) {
        let room = SHOWN.saturating_sub(self.rounded.len());
        self.rounded.extend(values.iter().take(room));
    }

    /// Sorts each row, sums duplicates and drops zeros.
    pub(crate) fn tidy(&mut self) {
        let mut row = Vec::new();
        let mut rounded = Vec::new();
        let (mut begin, mut kept) = (0, 0);
        for end in &mut self.indptr[1..] {
            let range = begin..*end;
            begin = *end;
            if !self.indices[range.clone()].is_sorted_by(|a, b| a < b) {
                row.clear();
                row.extend(range.clone().map(|at| (self.indices[at], f64::from(self.values[at]))));
                sum_duplicates(&mut row);
                for (at, &(column, value)) in range.clone().zip(&row) {
                    (self.indices[at], self.values[at]) = (column, narrow(value, &mut rounded));
                }
                self.values[range.start + row.len()..range.end].fill(0.0);
            }
            for at in range {
                if self.values[at] != 0.0 {
                    (self.indices[kept], self.values[kept]) = (self.indices[at], self.values[at]);
                    kept += 1;
                }
            }
            *end = kept;
        }
        self.indices.truncate(kept);
        self.values.truncate(kept);
        self.note_rounded(&rounded);
    }
}

fn sum_duplicates(row: &mut Vec<(u32, f64)>) {
    row.sort_by_key(|entry| entry.0);
    row.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
}

/// Rounds to `f32`, noting a value that is no count and only thereby looks like one.
pub(crate) fn narrow(value: f64, rounded: &mut Vec<f64>) -> f32 {
    let narrowed = value as f32;
    if narrowed.fract() == 0.0 && f64::from(narrowed) != value && !is_count(value) && rounded.len() < SHOWN {
        rounded.push(value);
    }
    narrowed
}

/// Whether a value is a non-negative integer, but for the tolerance.
fn is_count(value: f64) -> bool {
    (-TOLERANCE..=MAX_COUNT).contains(&value) && (value - value.round()).abs() <= TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_and_nan_are_no_counts() {
        let values = vec![f32::INFINITY, f32::NAN, -1.0, 3.0];
        let block = CsrBlock::new(4, vec![0, 4], vec![0, 1, 2, 3], values);
        let found = block.offending_counts();
        assert_eq!(found.len(), 3);
        assert!(found[0].is_infinite() && found[1].is_nan() && found[2] == -1.0);
    }

    #[test]
    fn rows_are_sorted_summed_and_freed_of_zeros() {
        let indices = vec![3, 1, 3, 0, 1, 2, 2];
        let values = vec![1.0, 2.0, 4.0, 0.0, 5.0, 6.0, -6.0];
        let mut block = CsrBlock::new(4, vec![0, 3, 3, 7], indices, values);
        block.tidy();
        assert_eq!(block, CsrBlock::new(4, vec![0, 2, 2, 3], vec![1, 3, 1], vec![2.0, 5.0, 5.0]));
    }

    #[test]
    fn counts_are_taken_up_to_2_to_the_53_and_within_a_millionth() {
        let mut rounded = Vec::new();
        let stored = [30_565_379.0, 1.000_000_000_1, 3.999_999_9, MAX_COUNT];
        let values: Vec<f32> = stored.iter().map(|value| narrow(*value, &mut rounded)).collect();
        let mut block = CsrBlock::new(4, vec![0, 4], vec![0, 1, 2, 3], values);
        block.note_rounded(&rounded);
        assert!(block.offending_counts().is_empty());
        block.settle_counts();
        assert_eq!(block.values, [30_565_380.0, 1.0, 4.0, MAX_COUNT as f32]);
        for wrong in [16_777_216.5, 1.00001, 2.0 * MAX_COUNT, -1.0] {
            let mut rounded = Vec::new();
            let values = vec![narrow(wrong, &mut rounded)];
            let mut block = CsrBlock::new(1, vec![0, 1], vec![0], values);
            block.note_rounded(&rounded);
            let found = block.offending_counts();
            assert!((found[0] - wrong).abs() <= 1e-7 * wrong.abs(), "{found:?}");
        }
    }

    #[test]
    fn extending_keeps_rows() {
        let other = CsrBlock::new(3, vec![0, 1, 1, 3], vec![2, 0, 1], vec![1.0, 2.0, 3.0]);
        let mut block = CsrBlock::empty(3);
        block.extend(&other, 2..3);
        block.extend(&other, 0..2);
        assert_eq!(block, CsrBlock::new(3, vec![0, 2, 3, 3], vec![0, 1, 2], vec![2.0, 3.0, 1.0]));
    }
}
