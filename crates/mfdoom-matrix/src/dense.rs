//! Dense matrix of f32, row by row: cells in rows, dimensions or genes in columns.

use rayon::prelude::*;

use crate::error::{Error, Result, same};

/// Columns that one task transposes: one cache line of f32.
const BLOCK: usize = 16;

/// Dense matrix `[n_rows, n_cols]`, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    data: Vec<f32>,
    n_rows: usize,
    n_cols: usize,
}

impl Matrix {
    /// Returns a matrix of `data`, [n_rows, n_cols] row by row.
    ///
    /// # Errors
    /// [`Error::Shape`], when `data` has another length.
    pub fn new(data: Vec<f32>, n_rows: usize, n_cols: usize) -> Result<Self> {
        same("values of the matrix", data.len(), n_rows * n_cols)?;
        Ok(Self { data, n_rows, n_cols })
    }

    /// Returns a matrix filled with `value`.
    pub fn filled(n_rows: usize, n_cols: usize, value: f32) -> Self {
        Self { data: vec![value; n_rows * n_cols], n_rows, n_cols }
    }

    /// Returns the number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Returns the number of columns.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// Returns all values, row by row.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// Returns all values, row by row, to be changed in place.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Returns all values, row by row, without the matrix.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// Returns a row.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.n_cols..(row + 1) * self.n_cols]
    }

    /// Returns a row, to be changed in place.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline(always)]
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row * self.n_cols..(row + 1) * self.n_cols]
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

    /// Returns a matrix of the chosen rows, in the order given.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        let mut data = Vec::with_capacity(rows.len() * self.n_cols);
        rows.iter().for_each(|&row| data.extend_from_slice(self.row(row)));
        Self { data, n_rows: rows.len(), n_cols: self.n_cols }
    }

    /// Returns the columns where `keep` is true, in order.
    ///
    /// # Panics
    /// When `keep` has another length than rows have values.
    pub fn select_columns(&self, keep: &[bool]) -> Self {
        assert_eq!(keep.len(), self.n_cols, "one mark a column");
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

    /// Checks that every value is finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`] with the first row that is not.
    pub fn check_finite(&self) -> Result<()> {
        match self.data.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(Error::NotFinite { row: at / self.n_cols }),
            None => Ok(()),
        }
    }
}
