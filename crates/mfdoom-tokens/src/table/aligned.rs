//! Batches cut where they are in the whole table, whatever part of it is read.

use std::ops::Range;

use mfdoom_error::{Error, Result};

use super::reader::TokenReader;
use crate::tokens::TokenBatch;

/// Batches of a fixed number of cells, the last one shorter, and which of their rows are wanted.
///
/// What a model makes of a cell depends in the last bits on the cells next to it in a batch. Cut at multiples of
/// the size from the first cell of the table on, a batch holds the same cells whether the whole is read or a shard
/// of it, and whatever the blocks are in which the table comes.
pub struct AlignedBatches {
    blocks: Box<dyn Iterator<Item = Result<TokenBatch>>>,
    block: TokenBatch,
    used: usize,
    size: usize,
    row: usize,
    wanted: Range<usize>,
}

impl TokenReader {
    /// Returns batches of `size` cells that hold the rows `cells`, or all of them.
    ///
    /// # Errors
    /// Usage: a range of a stream.
    pub fn aligned(self, size: usize, cells: Option<Range<usize>>) -> Result<AlignedBatches> {
        let (row, wanted, blocks): (_, _, Box<dyn Iterator<Item = Result<TokenBatch>>>) = match cells {
            None => (0, 0..usize::MAX, Box::new(self)),
            Some(_) if self.n_cells().is_none() => {
                return Err(Error::usage("a part of a stream was asked for, whose length nobody knows")
                    .help("give the tokens as a parquet file"));
            }
            Some(cells) => {
                let start = cells.start / size * size;
                let end = if cells.is_empty() { start } else { cells.end.next_multiple_of(size) };
                (start, cells, Box::new(self.read_cells(start..end)?))
            }
        };
        Ok(AlignedBatches { blocks, block: TokenBatch::default(), used: 0, size, row, wanted })
    }
}

impl AlignedBatches {
    fn read(&mut self) -> Result<TokenBatch> {
        let mut batch = TokenBatch::default();
        while batch.len() < self.size {
            if self.used == self.block.len() {
                let Some(block) = self.blocks.next().transpose()? else { break };
                (self.block, self.used) = (block, 0);
                continue;
            }
            let end = self.block.len().min(self.used + self.size - batch.len());
            batch.append(&self.block, self.used..end)?;
            self.used = end;
        }
        Ok(batch)
    }
}

impl Iterator for AlignedBatches {
    /// A batch and the rows of it that are wanted.
    type Item = Result<(TokenBatch, Range<usize>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match self.read() {
            Ok(batch) if batch.is_empty() => return None,
            Ok(batch) => batch,
            Err(error) => return Some(Err(error)),
        };
        let inside = |row: usize| row.saturating_sub(self.row).min(batch.len());
        let rows = inside(self.wanted.start)..inside(self.wanted.end);
        self.row += batch.len();
        Some(Ok((batch, rows)))
    }
}
