//! Matrices of the same cells, one next to the other.

use std::ops::Range;

use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use super::{Matrix, RowSource};
use crate::rounded::Rounded;

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

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        let blocks = self.0.iter_mut().map(|matrix| {
            let block = matrix.read_rows(rows.clone())?;
            rounded.extend(matrix.rounded());
            Ok(block)
        });
        let blocks: Vec<Csr> = blocks.collect::<Result<_>>()?;
        let mut whole = Csr::empty(blocks.iter().map(Csr::n_cols).sum());
        whole.reserve(rows.len(), blocks.iter().map(Csr::nnz).sum());
        let (mut shifted, mut found) = (Vec::new(), Vec::new());
        for row in 0..rows.len() {
            let mut shift = 0;
            shifted.clear();
            found.clear();
            for block in &blocks {
                let (columns, values) = block.row(row);
                shifted.extend(columns.iter().map(|column| column + shift));
                found.extend_from_slice(values);
                shift += block.n_cols() as u32;
            }
            whole.push_row(&shifted, &found);
        }
        Ok(whole)
    }

    fn set_memory(&mut self, bytes: usize) {
        let share = bytes / self.0.len().max(1);
        self.0.iter_mut().for_each(|matrix| matrix.set_memory(share));
    }

    fn trust_order(&mut self) {
        self.0.iter_mut().for_each(Matrix::trust_order);
    }
}
