//! Matrices of the same cells, one beside the other.

use std::ops::Range;

use mfdoom_error::Result;

use super::{Matrix, RowSource};
use crate::block::CsrBlock;

/// Rows made of the rows of several matrices.
#[derive(Debug)]
pub(crate) struct HStack(Vec<Matrix>);

impl HStack {
    /// Takes matrices of the same number of rows.
    pub(crate) fn new(matrices: Vec<Matrix>) -> Self {
        Self(matrices)
    }
}

impl RowSource for HStack {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        Ok(wanted)
    }

    fn load(&mut self, rows: Range<usize>) -> Result<CsrBlock> {
        let blocks = self.0.iter_mut().map(|matrix| matrix.read_rows(rows.clone()));
        let blocks: Vec<CsrBlock> = blocks.collect::<Result<_>>()?;
        let mut whole = CsrBlock::empty(blocks.iter().map(|block| block.n_cols).sum());
        for row in 0..rows.len() {
            let mut shift = 0;
            for block in &blocks {
                let (columns, values) = block.row(row);
                whole.indices.extend(columns.iter().map(|column| column + shift));
                whole.values.extend_from_slice(values);
                shift += block.n_cols as u32;
            }
            whole.indptr.push(whole.values.len());
        }
        blocks.iter().for_each(|block| whole.note_rounded(block.rounded()));
        Ok(whole)
    }

    fn set_memory(&mut self, bytes: usize) {
        let share = bytes / self.0.len().max(1);
        self.0.iter_mut().for_each(|matrix| matrix.set_memory(share));
    }
}
