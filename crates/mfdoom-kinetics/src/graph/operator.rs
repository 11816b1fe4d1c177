//! What the velocity graph is multiplied by, without another matrix of its size.

use std::sync::{Mutex, PoisonError};

use mfdoom_matrix::Csr;
use mfdoom_matrix::eigen::Operator;
use mfdoom_matrix::lanes::sum_of;
use rayon::prelude::*;

/// Rows that one task gathers.
const ROWS: usize = 256;
/// Pieces that the rows are cut into where columns are added to; each has sums of its own, so that threads change no
/// bit.
const PIECES: usize = 8;

/// Weights of the stored entries of a square matrix.
pub(super) struct Weights<'a> {
    /// Where entries are.
    pub(super) pattern: &'a Csr,
    /// The weight of each.
    pub(super) values: Vec<f32>,
}

impl Weights<'_> {
    /// Returns columns and weights of a row.
    fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let stored = self.pattern.indptr()[row]..self.pattern.indptr()[row + 1];
        (&self.pattern.indices()[stored.clone()], &self.values[stored])
    }

    /// Writes W x to `out`.
    fn gather(&self, x: &[f64], out: &mut [f64]) {
        out.par_iter_mut().with_min_len(ROWS).enumerate().for_each(|(row, out)| {
            let (columns, values) = self.row(row);
            *out = sum_of(columns, values, |j, value| f64::from(value) * x[j as usize]);
        });
    }
}

/// Sums over columns: a buffer for each piece of the rows.
pub(super) struct Scatter(Mutex<Vec<f64>>);

impl Scatter {
    /// Makes room for `n` columns.
    pub(super) fn new(n: usize) -> Self {
        Self(Mutex::new(vec![0.0; n * PIECES]))
    }

    /// Calls `add` with each row and the sums that it adds to; writes the sums over all rows to `out`.
    fn sum(&self, out: &mut [f64], add: impl Fn(usize, &mut [f64]) + Sync) {
        let n = out.len();
        if n == 0 {
            return;
        }
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let size = n.div_ceil(PIECES);
        sums.par_chunks_mut(n).enumerate().for_each(|(piece, sums)| {
            sums.fill(0.0);
            (piece * size..n.min((piece + 1) * size)).for_each(|row| add(row, sums));
        });
        out.par_iter_mut().with_min_len(4096).enumerate().for_each(|(column, out)| {
            *out = sums.iter().skip(column).step_by(n).sum();
        });
    }
}

/// The transposed transition matrix of a chain: its stationary vectors are where the chain stays.
pub(super) struct Chain<'a> {
    weights: &'a Weights<'a>,
    /// One over the total weight of the steps of each cell; 0 where there are none.
    inverse: Vec<f64>,
    backward: bool,
    scatter: Scatter,
}

impl<'a> Chain<'a> {
    /// Makes the chain that goes along the steps, or against them.
    pub(super) fn new(weights: &'a Weights<'a>, backward: bool) -> Self {
        let n = weights.pattern.n_rows();
        let scatter = Scatter::new(if backward { 0 } else { n });
        let mut totals = vec![0.0; n];
        match backward {
            true => Scatter::new(n).sum(&mut totals, |row, sums| {
                let (columns, values) = weights.row(row);
                columns.iter().zip(values).for_each(|(&j, &value)| sums[j as usize] += f64::from(value));
            }),
            false => weights.gather(&vec![1.0; n], &mut totals),
        }
        let inverse = totals.into_iter().map(|total| if total > 0.0 { total.recip() } else { 0.0 });
        Self { weights, inverse: inverse.collect(), backward, scatter }
    }
}

impl Operator for Chain<'_> {
    fn len(&self) -> usize {
        self.inverse.len()
    }

    fn apply(&self, x: &[f64], out: &mut [f64]) {
        let scaled: Vec<f64> = x.iter().zip(&self.inverse).map(|(x, inverse)| x * inverse).collect();
        if self.backward {
            return self.weights.gather(&scaled, out);
        }
        self.scatter.sum(out, |row, sums| {
            let (columns, values) = self.weights.row(row);
            let x = scaled[row];
            columns.iter().zip(values).for_each(|(&j, &value)| sums[j as usize] += f64::from(value) * x);
        });
    }
}

/// The sum of the absolute matrix and its transpose, scaled from both sides.
pub(super) struct Symmetrised<'a> {
    matrix: &'a Csr,
    scale: Vec<f64>,
    scatter: Scatter,
}

impl<'a> Symmetrised<'a> {
    /// Makes the sum with all scales 1.
    pub(super) fn new(matrix: &'a Csr) -> Self {
        let n = matrix.n_rows();
        Self { matrix, scale: vec![1.0; n], scatter: Scatter::new(n) }
    }

    /// Divides every entry by `f` of the sums of its row and of its column.
    pub(super) fn divide_by(&mut self, f: impl Fn(f64) -> f64) {
        let mut sums = vec![0.0; self.len()];
        self.apply(&vec![1.0; self.len()], &mut sums);
        self.scale.iter_mut().zip(sums).for_each(|(scale, sum)| *scale /= f(sum));
    }
}

impl Operator for Symmetrised<'_> {
    fn len(&self) -> usize {
        self.scale.len()
    }

    fn apply(&self, x: &[f64], out: &mut [f64]) {
        let scaled: Vec<f64> = x.iter().zip(&self.scale).map(|(x, scale)| x * scale).collect();
        // Each entry is met once: it adds to its row and to its column.
        self.scatter.sum(out, |row, sums| {
            let (columns, values) = self.matrix.row(row);
            let (x, mut own) = (scaled[row], 0.0);
            for (&j, &value) in columns.iter().zip(values) {
                let value = f64::from(value.abs());
                own += value * scaled[j as usize];
                sums[j as usize] += value * x;
            }
            sums[row] += own;
        });
        out.iter_mut().zip(&self.scale).for_each(|(out, scale)| *out *= scale);
    }
}
