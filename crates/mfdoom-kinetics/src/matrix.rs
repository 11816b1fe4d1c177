//! Dense row-major f32 matrix, mostly cells x genes, and its transpose (genes x cells) for work per gene.

use rayon::prelude::*;

use crate::error::{Result, expect_len};

/// Dense row-major matrix `[n_rows, n_cols]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    /// Number of rows.
    pub n_rows: usize,
    /// Number of columns.
    pub n_cols: usize,
    /// Values, row after row, `n_rows * n_cols` of them.
    pub data: Vec<f32>,
}

impl Matrix {
    /// Wraps row-major values.
    ///
    /// # Errors
    /// When `data` does not hold `n_rows * n_cols` values.
    pub fn new(n_rows: usize, n_cols: usize, data: Vec<f32>) -> Result<Self> {
        expect_len("values of the matrix", n_rows * n_cols, data.len())?;
        Ok(Self { n_rows, n_cols, data })
    }

    /// Returns a matrix filled with `value`.
    pub fn filled(n_rows: usize, n_cols: usize, value: f32) -> Self {
        Self { n_rows, n_cols, data: vec![value; n_rows * n_cols] }
    }

    /// Returns row `i`, `n_cols` values.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.data[i * self.n_cols..(i + 1) * self.n_cols]
    }

    /// Returns the transpose `[n_cols, n_rows]`.
    pub fn transposed(&self) -> Self {
        let mut out = Self::filled(self.n_cols, self.n_rows, 0.0);
        if out.data.is_empty() {
            return out;
        }
        out.data.par_chunks_mut(self.n_rows * BLOCK).enumerate().for_each(|(block, rows)| {
            let first = block * BLOCK;
            let width = rows.len() / self.n_rows;
            for i in 0..self.n_rows {
                let source = &self.data[i * self.n_cols + first..][..width];
                for (k, &value) in source.iter().enumerate() {
                    rows[k * self.n_rows + i] = value;
                }
            }
        });
        out
    }

    /// Returns the rows `rows`, in that order.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        let data = rows.iter().flat_map(|&i| self.row(i)).copied().collect();
        Self { n_rows: rows.len(), n_cols: self.n_cols, data }
    }

    /// Returns the columns where `keep` is true, in order.
    pub fn select_columns(&self, keep: &[bool]) -> Self {
        let columns: Vec<usize> = (0..self.n_cols).filter(|&j| keep[j]).collect();
        let mut out = Self::filled(self.n_rows, columns.len(), 0.0);
        if columns.is_empty() {
            return out;
        }
        out.data.par_chunks_mut(columns.len()).enumerate().for_each(|(i, row)| {
            let source = self.row(i);
            for (value, &j) in row.iter_mut().zip(&columns) {
                *value = source[j];
            }
        });
        out
    }
}

/// Columns that one task transposes: one cache line of f32.
const BLOCK: usize = 16;
