//! What dense and sparse matrices have in common.

use crate::csr::Csr;
use crate::dense::Matrix;
use crate::error::Result;

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
    /// [`Error::NotFinite`](crate::Error::NotFinite) with the first row that is not.
    fn check_finite(&self) -> Result<()>;
}

impl Rows for Matrix {
    fn n_rows(&self) -> usize {
        Matrix::n_rows(self)
    }

    fn n_cols(&self) -> usize {
        Matrix::n_cols(self)
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
        Csr::n_cols(self)
    }

    fn each(&self, row: usize, mut visit: impl FnMut(usize, f64)) {
        let (columns, values) = self.row(row);
        columns.iter().zip(values).for_each(|(&column, &value)| visit(column as usize, f64::from(value)));
    }

    fn check_finite(&self) -> Result<()> {
        Csr::check_finite(self)
    }
}
