//! Dense and sparse matrices: cells in rows, dimensions or genes in columns.

use crate::error::{Error, Result, same};

/// Dense matrix, row by row.
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

    /// Returns a row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.data[row * self.n_cols..(row + 1) * self.n_cols]
    }

    /// Returns a matrix of the chosen rows, in the order given.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut data = Vec::with_capacity(rows.len() * self.n_cols);
        for &row in rows {
            data.extend_from_slice(self.row(row));
        }
        Self { data, n_rows: rows.len(), n_cols: self.n_cols }
    }

    /// Checks that every value is finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`] with the first row that is not.
    pub fn check_finite(&self) -> Result<()> {
        check_finite(&self.data, |at| at / self.n_cols)
    }
}

/// Sparse matrix of values by rows, columns ascending within a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Csr {
    n_cols: usize,
    indptr: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl Csr {
    /// Returns a matrix from its parts: `indptr` [n_rows + 1], `indices` and `values` [n stored].
    ///
    /// # Errors
    /// [`Error::Malformed`], when they contradict each other.
    pub fn new(n_cols: usize, indptr: Vec<usize>, indices: Vec<u32>, values: Vec<f32>) -> Result<Self> {
        if indptr.first() != Some(&0) || indptr.last() != Some(&indices.len()) {
            return Err(Error::Malformed("the offsets do not span the stored values"));
        }
        if indptr.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(Error::Malformed("the offsets do not ascend"));
        }
        if indices.len() != values.len() {
            return Err(Error::Malformed("there are not as many columns as values"));
        }
        if indices.iter().any(|&column| column as usize >= n_cols) {
            return Err(Error::Malformed("a column lies beyond the last"));
        }
        Ok(Self { n_cols, indptr, indices, values })
    }

    /// Returns the number of rows.
    pub fn n_rows(&self) -> usize {
        self.indptr.len().saturating_sub(1)
    }

    /// Returns the number of columns.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// Returns the columns and values stored in a row.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let stored = self.indptr[row]..self.indptr[row + 1];
        (&self.indices[stored.clone()], &self.values[stored])
    }

    /// Returns all values, those that are not stored as 0.
    pub fn to_dense(&self) -> Matrix {
        let mut data = vec![0.0; self.n_rows() * self.n_cols];
        for (row, values) in data.chunks_exact_mut(self.n_cols.max(1)).enumerate() {
            let (columns, stored) = self.row(row);
            columns.iter().zip(stored).for_each(|(&column, value)| values[column as usize] += value);
        }
        Matrix { data, n_rows: self.n_rows(), n_cols: self.n_cols }
    }

    /// Returns the stored values of a row, to be changed in place.
    pub(crate) fn row_values_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[self.indptr[row]..self.indptr[row + 1]]
    }

    /// Returns a matrix of the chosen rows, in the order given.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut chosen = Self { n_cols: self.n_cols, indptr: vec![0], ..Self::default() };
        for &row in rows {
            let (columns, values) = self.row(row);
            chosen.indices.extend_from_slice(columns);
            chosen.values.extend_from_slice(values);
            chosen.indptr.push(chosen.indices.len());
        }
        chosen
    }
}

/// A matrix whose rows can be walked: what PCA needs of either form.
pub trait Rows: Sync {
    /// Returns the number of rows.
    fn n_rows(&self) -> usize;

    /// Returns the number of columns.
    fn n_cols(&self) -> usize;

    /// Calls `visit` with column and value of everything stored in a row.
    fn each(&self, row: usize, visit: impl FnMut(usize, f64));

    /// Checks that every value is finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`] with the first row that is not.
    fn check_finite(&self) -> Result<()>;
}

impl Rows for Matrix {
    fn n_rows(&self) -> usize {
        self.n_rows
    }

    fn n_cols(&self) -> usize {
        self.n_cols
    }

    fn each(&self, row: usize, mut visit: impl FnMut(usize, f64)) {
        self.row(row).iter().enumerate().for_each(|(column, &value)| visit(column, f64::from(value)));
    }

    fn check_finite(&self) -> Result<()> {
        Matrix::check_finite(self)
    }
}

impl Rows for Csr {
    fn n_rows(&self) -> usize {
        Csr::n_rows(self)
    }

    fn n_cols(&self) -> usize {
        self.n_cols
    }

    fn each(&self, row: usize, mut visit: impl FnMut(usize, f64)) {
        let (columns, values) = self.row(row);
        columns.iter().zip(values).for_each(|(&column, &value)| visit(column as usize, f64::from(value)));
    }

    fn check_finite(&self) -> Result<()> {
        check_finite(&self.values, |at| self.indptr.partition_point(|&start| start <= at) - 1)
    }
}

fn check_finite(values: &[f32], row_of: impl Fn(usize) -> usize) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::NotFinite { row: row_of(at) }),
        None => Ok(()),
    }
}
