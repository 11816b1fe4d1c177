//! Rows of a CSC matrix: transposed window by window within a memory budget.
//!
//! One pass over the indices counts the values of each row. Every window holds as many rows as the budget
//! allows and costs one pass over the matrix, so the passes are its values over those of a window.

use std::ops::Range;

use mfdoom_error::Result;

use super::csr::{Entries, split};
use super::pointers::Pointers;
use super::{DEFAULT_MEMORY, RowSource};
use crate::block::CsrBlock;
use crate::read::SparseGroup;

/// Bytes of one value of a block, with its column.
const ENTRY: usize = 8;
/// Entries read at once.
const PIECE: usize = 1 << 20;

/// Rows of a CSC matrix.
#[derive(Debug)]
pub(crate) struct CscRows {
    pointers: Pointers,
    entries: Entries,
    n_rows: usize,
    n_cols: usize,
    memory: usize,
    /// Values of each row; empty until the first row is asked for.
    counts: Vec<u32>,
}

impl CscRows {
    /// Takes a group of CSC layout.
    pub(crate) fn new(group: SparseGroup) -> Self {
        let (n_rows, n_cols) = (group.n_rows, group.n_cols);
        let (pointers, entries) = split(group);
        Self { pointers, entries, n_rows, n_cols, memory: DEFAULT_MEMORY, counts: Vec::new() }
    }

    fn count(&mut self) -> Result<()> {
        if self.counts.is_empty() {
            let mut counts = vec![0; self.n_rows];
            for run in runs(0..self.entries.len()) {
                self.entries.indices(run)?.for_each(|row| counts[row as usize] += 1);
            }
            self.counts = counts;
        }
        Ok(())
    }

    /// Puts the entries of rows `rows` that lie in `run` behind the cursors of their rows.
    fn place(&mut self, run: Range<usize>, rows: &Range<usize>, into: &mut Window) -> Result<()> {
        let found: Vec<_> = self.entries.indices(run.clone())?.collect();
        let inside = rows.start as u32..rows.end as u32;
        if !found.iter().any(|row| inside.contains(row)) {
            return self.skip_to(run.end, into);
        }
        let values = self.entries.values(run.clone(), &mut into.rounded)?;
        let mut at = run.start;
        while at < run.end {
            self.skip_to(at, into)?;
            let end = run.end.min(into.column_end);
            for entry in at - run.start..end - run.start {
                if inside.contains(&found[entry]) {
                    let cursor = &mut into.cursors[found[entry] as usize - rows.start];
                    (into.indices[*cursor], into.values[*cursor]) = (into.column as u32, values[entry]);
                    *cursor += 1;
                }
            }
            at = end;
        }
        Ok(())
    }

    /// Moves to the column that entry `at` lies in.
    fn skip_to(&mut self, at: usize, into: &mut Window) -> Result<()> {
        while into.column_end <= at && into.column + 1 < self.n_cols {
            into.column += 1;
            into.column_end = self.pointers.read(into.column..into.column + 1)?[1];
        }
        Ok(())
    }
}

/// A window of rows while the entries are passed over, column by column.
struct Window {
    column: usize,
    column_end: usize,
    cursors: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
    rounded: Vec<f64>,
}

impl RowSource for CscRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        self.count()?;
        let budget = self.memory / ENTRY;
        let mut nnz = 0;
        let n_rows = self.counts[wanted.start..].iter().position(|count| {
            nnz += *count as usize;
            nnz > budget
        });
        let end = n_rows.map_or(self.n_rows, |n| wanted.start + n.max(1));
        Ok(wanted.start..end)
    }

    fn load(&mut self, rows: Range<usize>) -> Result<CsrBlock> {
        self.count()?;
        let mut indptr = Vec::with_capacity(rows.len() + 1);
        indptr.push(0);
        let mut nnz = 0;
        indptr.extend(self.counts[rows.clone()].iter().map(|count| {
            nnz += *count as usize;
            nnz
        }));
        let column_end = if self.n_cols == 0 { 0 } else { self.pointers.read(0..1)?[1] };
        let mut window = Window {
            column: 0,
            column_end,
            cursors: indptr[..rows.len()].to_vec(),
            indices: vec![0; nnz],
            values: vec![0.0; nnz],
            rounded: Vec::new(),
        };
        for run in runs(0..self.entries.len()) {
            self.place(run, &rows, &mut window)?;
        }
        let mut block = CsrBlock::new(self.n_cols, indptr, window.indices, window.values);
        block.note_rounded(&window.rounded);
        block.tidy();
        Ok(block)
    }

    fn set_memory(&mut self, bytes: usize) {
        self.memory = bytes;
    }
}

fn runs(range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(PIECE).map(move |at| at..end.min(at + PIECE))
}
