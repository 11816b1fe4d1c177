//! Tall matrices of f64: a few vectors side by side, and the products of two of them.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Rows that one thread handles at a time; fixed, so that sums do not depend on the threads.
const ROWS: usize = 2048;

/// Vectors of length `n_rows` as columns, stored row by row.
#[derive(Clone, Debug)]
pub struct Panel {
    data: Vec<f64>,
    n_rows: usize,
    width: usize,
}

impl Panel {
    pub fn new(data: Vec<f64>, n_rows: usize, width: usize) -> Self {
        debug_assert_eq!(data.len(), n_rows * width);
        Self { data, n_rows, width }
    }

    pub fn identity(n: usize) -> Self {
        let mut data = vec![0.0; n * n];
        data.iter_mut().step_by(n + 1).for_each(|value| *value = 1.0);
        Self::new(data, n, n)
    }

    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn row(&self, row: usize) -> &[f64] {
        &self.data[row * self.width..(row + 1) * self.width]
    }

    pub fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.data[row * self.width..(row + 1) * self.width]
    }

    pub fn data(&self) -> &[f64] {
        &self.data
    }

    pub fn into_data(self) -> Vec<f64> {
        self.data
    }

    /// Returns the inner products of all columns of `self` with all of `other`, [width, other.width].
    pub fn inner(&self, other: &Self) -> Mat<f64> {
        if self.width == 0 || other.width == 0 {
            return Mat::zeros(self.width, other.width);
        }
        let parts: Vec<Mat<f64>> = (self.data.par_chunks(ROWS * self.width))
            .zip(other.data.par_chunks(ROWS * other.width))
            .map(|(left, right)| {
                let rows = left.len() / self.width;
                let mut part = Mat::zeros(self.width, other.width);
                matmul(
                    part.as_mut(),
                    Accum::Replace,
                    MatRef::from_row_major_slice(left, rows, self.width).transpose(),
                    MatRef::from_row_major_slice(right, rows, other.width),
                    1.0,
                    Par::Seq,
                );
                part
            })
            .collect();
        parts.into_iter().fold(Mat::zeros(self.width, other.width), |sum, part| sum + part)
    }

    /// Returns `self` times a small matrix [width, k].
    pub fn times(&self, small: MatRef<'_, f64>) -> Self {
        let mut product = Self::new(vec![0.0; self.n_rows * small.ncols()], self.n_rows, small.ncols());
        product.add_times(self, small, 1.0);
        product
    }

    /// Adds `factor` times `panel` times a small matrix.
    pub fn add_times(&mut self, panel: &Self, small: MatRef<'_, f64>, factor: f64) {
        let width = self.width;
        if width == 0 || panel.width == 0 {
            return;
        }
        (self.data.par_chunks_mut(ROWS * width)).zip(panel.data.par_chunks(ROWS * panel.width)).for_each(
            |(own, rows)| {
                let n = own.len() / width;
                matmul(
                    MatMut::from_row_major_slice_mut(own, n, width),
                    Accum::Add,
                    MatRef::from_row_major_slice(rows, n, panel.width),
                    small,
                    factor,
                    Par::Seq,
                );
            },
        );
    }

    /// Returns the columns of both side by side.
    pub fn beside(&self, other: &Self) -> Self {
        let mut data = Vec::with_capacity(self.data.len() + other.data.len());
        for row in 0..self.n_rows {
            data.extend_from_slice(self.row(row));
            data.extend_from_slice(other.row(row));
        }
        Self::new(data, self.n_rows, self.width + other.width)
    }
}
