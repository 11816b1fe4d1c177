//! Some columns of a matrix.

use std::ops::Range;

use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use super::{Matrix, RowSource};
use crate::rounded::Rounded;

/// Rows of a matrix without the columns that were not chosen.
#[derive(Debug)]
pub(crate) struct ChosenColumns {
    matrix: Matrix,
    chosen: Vec<bool>,
}

impl ChosenColumns {
    /// Takes the columns that are marked.
    pub(crate) fn new(matrix: Matrix, chosen: Vec<bool>) -> Self {
        Self { matrix, chosen }
    }

    /// Number of rows and of columns that are left.
    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.matrix.n_rows(), self.chosen.iter().filter(|chosen| **chosen).count())
    }
}

impl RowSource for ChosenColumns {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        Ok(wanted)
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        let whole = self.matrix.read_rows(rows)?;
        rounded.extend(self.matrix.rounded());
        Ok(whole.select_columns(&self.chosen))
    }

    fn present(&mut self, rows: Range<usize>) -> Result<Option<Vec<bool>>> {
        self.matrix.present(rows)
    }

    fn set_memory(&mut self, bytes: usize) {
        self.matrix.set_memory(bytes);
    }

    fn trust_order(&mut self) {
        self.matrix.trust_order();
    }
}
