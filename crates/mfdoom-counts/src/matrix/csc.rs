//! Rows of a CSC matrix: one pass over its entries sets them aside by rows.

use std::ops::Range;

use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use super::csr::{Entries, split};
use super::pointers::Pointers;
use super::{DEFAULT_MEMORY, RowSource, Shared, Spool};
use crate::read::SparseGroup;
use crate::rounded::Rounded;

/// Entries read at once.
const PIECE: usize = 1 << 18;

/// Rows of a CSC matrix.
#[derive(Debug)]
pub(crate) struct CscRows {
    pointers: Pointers,
    entries: Entries,
    n_rows: usize,
    n_cols: usize,
    memory: usize,
    spool: Option<Shared>,
}

impl CscRows {
    /// Takes a group of CSC layout.
    pub(crate) fn new(group: SparseGroup) -> Self {
        let (n_rows, n_cols) = (group.n_rows, group.n_cols);
        let (pointers, entries) = split(group);
        Self { pointers, entries, n_rows, n_cols, memory: DEFAULT_MEMORY, spool: None }
    }

    fn spool(&mut self) -> Result<Shared> {
        if let Some(spool) = &self.spool {
            return Ok(spool.clone());
        }
        let (place, memory) = (self.entries.place().clone(), self.memory);
        let spool = Shared::of(&place, memory, || self.filled())?;
        self.spool = Some(spool.clone());
        Ok(spool)
    }

    fn filled(&mut self) -> Result<Spool> {
        let n = self.entries.len();
        let mut spool = Spool::new((self.n_rows, self.n_cols), n, self.memory);
        let mut rounded = Rounded::default();
        let (mut column, mut column_end) = (0, 0);
        if self.n_cols > 0 {
            column_end = self.pointers.read(0..1)?[1];
        }
        for start in (0..n).step_by(PIECE) {
            let run = start..n.min(start + PIECE);
            let rows = self.entries.indices(run.clone())?;
            let values = self.entries.values(run.clone(), &mut rounded)?;
            for (at, (row, value)) in run.zip(rows.into_iter().zip(values)) {
                while column_end <= at && column + 1 < self.n_cols {
                    column += 1;
                    column_end = self.pointers.read(column..column + 1)?[1];
                }
                spool.push(row, column as u32, value)?;
            }
        }
        spool.note(&rounded);
        Ok(spool)
    }
}

impl RowSource for CscRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        Ok(wanted.start..self.spool()?.window(wanted.start).end)
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        self.spool()?.load(rows, rounded)
    }

    fn set_memory(&mut self, bytes: usize) {
        self.memory = bytes;
    }
}
