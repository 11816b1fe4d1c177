//! The scatter matrix of centred rows, as an operator: C = (X - m)' (X - m), formed only where it is small.

use std::ops::Range;

use rayon::prelude::*;

use super::gram::{Gram, MOST_COLUMNS};
use crate::panel::Panel;
use crate::rows::Rows;

/// Most pieces that the rows are cut into; each has a sum of its own.
const PIECES: usize = 16;
const SMALLEST_PIECE: usize = 128;

/// Scatter matrix of the rows of `x`.
pub(super) struct Scatter<'a, X> {
    x: &'a X,
    mean: Vec<f64>,
    trace: f64,
    gram: Option<Gram>,
}

impl<'a, X: Rows> Scatter<'a, X> {
    pub(super) fn new(x: &'a X) -> Self {
        let (n, p) = (x.n_rows(), x.n_cols());
        let moments = sum_pieces(n, 2 * p, |rows, sums| {
            rows.for_each(|row| {
                x.each(row, |column, value| {
                    sums[column] += value;
                    sums[p + column] += value * value;
                });
            });
        });
        let (sums, squares) = moments.split_at(p);
        let mean: Vec<f64> = sums.iter().map(|sum| sum / n as f64).collect();
        let trace =
            squares.iter().zip(&mean).map(|(square, mean)| (square - n as f64 * mean * mean).max(0.0));
        let gram = (p <= MOST_COLUMNS).then(|| Gram::new(x, &mean));
        Self { x, trace: trace.sum(), mean, gram }
    }

    /// Returns the mean of each column.
    pub(super) fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Returns the sum of squares of everything centred.
    pub(super) fn trace(&self) -> f64 {
        self.trace
    }

    /// Returns the number of columns.
    pub(super) fn dim(&self) -> usize {
        self.mean.len()
    }

    /// Returns C times the columns of `panel` [p, b].
    pub(super) fn times(&self, panel: &Panel) -> Panel {
        if let Some(gram) = &self.gram {
            return gram.times(panel);
        }
        let (p, b) = (self.dim(), panel.width());
        let of_mean = mean_image(&self.mean, panel);
        // Behind the p rows of the product stands the sum of all centred rows times the panel.
        let mut sums = sum_pieces(self.x.n_rows(), (p + 1) * b, |rows, sums| {
            let mut image = vec![0.0; b];
            for row in rows {
                row_image(self.x, row, panel, &of_mean, &mut image);
                self.x.each(row, |column, value| add(&mut sums[column * b..(column + 1) * b], value, &image));
                add(&mut sums[p * b..], 1.0, &image);
            }
        });
        let total = sums.split_off(p * b);
        sums.par_chunks_mut(b).zip(&self.mean).for_each(|(row, mean)| add(row, -mean, &total));
        Panel::new(sums, p, b)
    }
}

/// Returns the image of the mean: what is taken off the image of every row to centre it.
pub(super) fn mean_image(mean: &[f64], panel: &Panel) -> Vec<f64> {
    let mut image = vec![0.0; panel.width()];
    mean.iter().enumerate().for_each(|(row, &value)| add(&mut image, value, panel.row(row)));
    image
}

/// Writes the image of a centred row: its product with the panel.
pub(super) fn row_image<X: Rows>(x: &X, row: usize, panel: &Panel, of_mean: &[f64], image: &mut [f64]) {
    image.iter_mut().zip(of_mean).for_each(|(value, mean)| *value = -mean);
    x.each(row, |column, value| add(image, value, panel.row(column)));
}

fn add(sum: &mut [f64], factor: f64, values: &[f64]) {
    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
}

/// Sums over rows 0..n into `len` numbers, in pieces that depend on n only.
fn sum_pieces(n: usize, len: usize, add_rows: impl Fn(Range<usize>, &mut [f64]) + Sync) -> Vec<f64> {
    let size = n.div_ceil(PIECES).max(SMALLEST_PIECE);
    let starts: Vec<usize> = (0..n).step_by(size).collect();
    let pieces: Vec<Vec<f64>> = (starts.into_par_iter())
        .map(|start| {
            let mut sums = vec![0.0; len];
            add_rows(start..n.min(start + size), &mut sums);
            sums
        })
        .collect();
    let mut total = vec![0.0; len];
    total.par_chunks_mut(4096).enumerate().for_each(|(chunk, total)| {
        for piece in &pieces {
            add(total, 1.0, &piece[chunk * 4096..][..total.len()]);
        }
    });
    total
}
