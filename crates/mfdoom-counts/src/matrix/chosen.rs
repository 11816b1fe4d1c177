//! Some columns of a matrix.

use std::ops::Range;

use mfdoom_error::Result;

use super::{Matrix, RowSource};
use crate::block::CsrBlock;

/// Rows of a matrix without the columns that were not chosen.
#[derive(Debug)]
pub(crate) struct ChosenColumns {
    matrix: Matrix,
    /// New place of each column; `u32::MAX` for those that are left out.
    to: Vec<u32>,
    n_cols: usize,
}

impl ChosenColumns {
    /// Takes the columns that are marked.
    pub(crate) fn new(matrix: Matrix, chosen: &[bool]) -> Self {
        let mut n_cols = 0;
        let to = chosen.iter().map(|chosen| {
            let place = if *chosen { n_cols } else { u32::MAX };
            n_cols += u32::from(*chosen);
            place
        });
        let to = to.collect();
        Self { matrix, to, n_cols: n_cols as usize }
    }

    /// Number of rows and of columns that are left.
    pub(crate) fn shape(&self) -> (usize, usize) {
        (self.matrix.n_rows(), self.n_cols)
    }
}

impl RowSource for ChosenColumns {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        Ok(wanted)
    }

    fn load(&mut self, rows: Range<usize>) -> Result<CsrBlock> {
        let whole = self.matrix.read_rows(rows)?;
        let mut block = CsrBlock::empty(self.n_cols);
        for row in 0..whole.n_rows() {
            let (columns, values) = whole.row(row);
            for (column, value) in columns.iter().zip(values) {
                let to = self.to[*column as usize];
                if to != u32::MAX {
                    block.indices.push(to);
                    block.values.push(*value);
                }
            }
            block.indptr.push(block.values.len());
        }
        block.note_rounded(whole.rounded());
        Ok(block)
    }

    fn present(&mut self, rows: Range<usize>) -> Result<Option<Vec<bool>>> {
        self.matrix.present(rows)
    }

    fn set_memory(&mut self, bytes: usize) {
        self.matrix.set_memory(bytes);
    }
}
