//! Rows of a matrix of some cells as rows of all cells: what was not measured is absent, not zero.

use std::ops::Range;
use std::sync::Arc;

use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use super::{Matrix, RowSource};
use crate::rounded::Rounded;

/// Where each cell lies in a matrix of fewer cells.
pub(crate) trait RowMap: std::fmt::Debug + Send + Sync {
    /// Rows of a range of cells; `None` where a cell has none.
    fn rows(&self, cells: Range<usize>) -> Result<Vec<Option<usize>>>;
}

/// A map that is held: the row of each cell from 1, 0 where there is none.
impl RowMap for Arc<Vec<u32>> {
    fn rows(&self, cells: Range<usize>) -> Result<Vec<Option<usize>>> {
        Ok(self[cells].iter().map(|row| (*row as usize).checked_sub(1)).collect())
    }
}

impl RowMap for Arc<dyn RowMap> {
    fn rows(&self, cells: Range<usize>) -> Result<Vec<Option<usize>>> {
        (**self).rows(cells)
    }
}

/// Rows of a matrix, found through a map.
#[derive(Debug)]
pub(crate) struct MappedRows {
    matrix: Matrix,
    map: Box<dyn RowMap>,
    /// What a cell without a row is: not measured, or measured and empty.
    missing: Missing,
}

/// What a cell is that a matrix has no row for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Not measured.
    Absent,
    /// Measured, without a count.
    Empty,
}

impl MappedRows {
    /// Takes a matrix and the row of each cell in it.
    pub(crate) fn new(matrix: Matrix, map: Box<dyn RowMap>, missing: Missing) -> Self {
        Self { matrix, map, missing }
    }
}

impl RowSource for MappedRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        Ok(wanted)
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        let at = self.map.rows(rows)?;
        let mut block = Csr::empty(self.matrix.n_cols());
        // Cells that lie one behind the other in the matrix are read together.
        for run in at.chunk_by(|a, b| a.map(|row| row + 1) == *b) {
            match (run.first(), run.last()) {
                (Some(Some(first)), Some(Some(last))) => {
                    let found = self.matrix.read_rows(*first..last + 1)?;
                    rounded.extend(self.matrix.rounded());
                    block.extend(&found, 0..found.n_rows());
                }
                _ => run.iter().for_each(|_| block.push_row(&[], &[])),
            }
        }
        Ok(block)
    }

    fn present(&mut self, rows: Range<usize>) -> Result<Option<Vec<bool>>> {
        Ok(match self.missing {
            Missing::Absent => Some(self.map.rows(rows)?.iter().map(Option::is_some).collect()),
            Missing::Empty => None,
        })
    }

    fn set_memory(&mut self, bytes: usize) {
        self.matrix.set_memory(bytes);
    }

    fn trust_order(&mut self) {
        self.matrix.trust_order();
    }
}
