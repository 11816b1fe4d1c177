//! Compressed sparse rows: borrowed counts as callers hold them, and owned graphs and products.

use crate::error::{Result, expect_len};
use crate::matrix::Matrix;

/// Borrowed compressed sparse rows `[n_rows, n_cols]`, columns ascending within a row.
#[derive(Debug, Clone, Copy)]
pub struct CsrView<'a> {
    /// Number of columns.
    pub n_cols: usize,
    /// Start of every row in `indices`, and the end of the last: `n_rows + 1` values.
    pub indptr: &'a [usize],
    /// Column of every stored value.
    pub indices: &'a [u32],
    /// Stored values.
    pub values: &'a [f32],
}

/// Owned compressed sparse rows `[n_rows, n_cols]`, columns ascending within a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Csr {
    /// Number of columns.
    pub n_cols: usize,
    /// Start of every row in `indices`, and the end of the last: `n_rows + 1` values.
    pub indptr: Vec<usize>,
    /// Column of every stored value.
    pub indices: Vec<u32>,
    /// Stored values.
    pub values: Vec<f32>,
}

impl<'a> CsrView<'a> {
    /// Returns the number of rows.
    pub fn n_rows(&self) -> usize {
        self.indptr.len().saturating_sub(1)
    }

    /// Returns columns and values of row `i`.
    pub fn row(&self, i: usize) -> (&'a [u32], &'a [f32]) {
        let range = self.indptr[i]..self.indptr[i + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// Returns all values, row by row.
    pub fn to_dense(&self) -> Matrix {
        let mut out = Matrix::filled(self.n_rows(), self.n_cols, 0.0);
        for i in 0..self.n_rows() {
            let (columns, values) = self.row(i);
            let row = &mut out.data[i * self.n_cols..(i + 1) * self.n_cols];
            columns.iter().zip(values).for_each(|(&j, &value)| row[j as usize] = value);
        }
        out
    }

    /// Checks that the arrays fit each other.
    ///
    /// # Errors
    /// When `indptr` does not end at the number of values, or a column is out of range.
    pub fn check(&self) -> Result<()> {
        expect_len("stored values", self.indices.len(), self.values.len())?;
        expect_len(
            "end of the last sparse row",
            self.indptr.last().copied().unwrap_or(0),
            self.values.len(),
        )?;
        match self.indices.iter().find(|&&j| j as usize >= self.n_cols) {
            None => Ok(()),
            Some(&j) => expect_len("column below the number of columns", self.n_cols, j as usize),
        }
    }
}

impl Csr {
    /// Returns the borrowed form.
    pub fn view(&self) -> CsrView<'_> {
        CsrView { n_cols: self.n_cols, indptr: &self.indptr, indices: &self.indices, values: &self.values }
    }

    /// Returns the number of rows.
    pub fn n_rows(&self) -> usize {
        self.indptr.len().saturating_sub(1)
    }

    /// Returns columns and values of row `i`.
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.indptr[i]..self.indptr[i + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// Builds from one `(columns, values)` pair a row.
    pub fn from_rows(n_cols: usize, rows: &[(Vec<u32>, Vec<f32>)]) -> Self {
        let stored = rows.iter().map(|(indices, _)| indices.len()).sum();
        let mut out = Self {
            n_cols,
            indptr: Vec::with_capacity(rows.len() + 1),
            indices: Vec::with_capacity(stored),
            values: Vec::with_capacity(stored),
        };
        out.indptr.push(0);
        for (indices, values) in rows {
            out.indices.extend_from_slice(indices);
            out.values.extend_from_slice(values);
            out.indptr.push(out.indices.len());
        }
        out
    }

    /// Returns the rows `rows`, in that order.
    pub fn select_rows(&self, rows: &[usize]) -> Self {
        let mut out = Self { n_cols: self.n_cols, indptr: vec![0], indices: Vec::new(), values: Vec::new() };
        for &i in rows {
            let (columns, values) = self.row(i);
            out.indices.extend_from_slice(columns);
            out.values.extend_from_slice(values);
            out.indptr.push(out.indices.len());
        }
        out
    }

    /// Returns the transpose `[n_cols, n_rows]`, columns ascending.
    pub fn transposed(&self) -> Self {
        let mut indptr = vec![0_usize; self.n_cols + 1];
        for &j in &self.indices {
            indptr[j as usize + 1] += 1;
        }
        for j in 0..self.n_cols {
            indptr[j + 1] += indptr[j];
        }
        let mut next = indptr.clone();
        let mut indices = vec![0_u32; self.indices.len()];
        let mut values = vec![0.0_f32; self.indices.len()];
        for i in 0..self.n_rows() {
            let (columns, row) = self.row(i);
            for (&j, &value) in columns.iter().zip(row) {
                let slot = &mut next[j as usize];
                indices[*slot] = i as u32;
                values[*slot] = value;
                *slot += 1;
            }
        }
        Self { n_cols: self.n_rows(), indptr, indices, values }
    }
}

/// Returns the columns where `keep` is true, renumbered in order.
pub fn select_columns(matrix: CsrView<'_>, keep: &[bool]) -> Csr {
    let n_cols = keep.iter().filter(|keep| **keep).count();
    let mut out = Csr { n_cols, indptr: vec![0], indices: Vec::new(), values: Vec::new() };
    append_columns(&mut out, matrix, keep);
    out
}

/// Appends the rows of a matrix to `out`, whose columns are those that `keep` marks.
pub fn append_columns(out: &mut Csr, matrix: CsrView<'_>, keep: &[bool]) {
    let mut kept = 0..;
    let renumbered: Vec<u32> =
        keep.iter().map(|keep| if *keep { kept.next().unwrap_or(u32::MAX) } else { u32::MAX }).collect();
    let stored = matrix.indices.iter().filter(|&&j| keep[j as usize]).count();
    out.indices.reserve(stored);
    out.values.reserve(stored);
    for i in 0..matrix.n_rows() {
        let (columns, values) = matrix.row(i);
        for (&j, &value) in columns.iter().zip(values) {
            if keep[j as usize] {
                out.indices.push(renumbered[j as usize]);
                out.values.push(value);
            }
        }
        out.indptr.push(out.indices.len());
    }
}

/// Returns the element-wise product of two matrices of one shape; only what both store is stored.
pub fn product(a: CsrView<'_>, b: CsrView<'_>) -> Csr {
    let mut out = Csr { n_cols: a.n_cols, indptr: vec![0], indices: Vec::new(), values: Vec::new() };
    for i in 0..a.n_rows() {
        let (columns_a, values_a) = a.row(i);
        let (columns_b, values_b) = b.row(i);
        let mut k = 0;
        for (&j, &value) in columns_a.iter().zip(values_a) {
            while k < columns_b.len() && columns_b[k] < j {
                k += 1;
            }
            if k < columns_b.len() && columns_b[k] == j {
                out.indices.push(j);
                out.values.push(value * values_b[k]);
            }
        }
        out.indptr.push(out.indices.len());
    }
    out
}
