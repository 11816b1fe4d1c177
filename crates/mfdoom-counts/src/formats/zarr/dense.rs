//! Rows of what a Zarr store has as arrays: dense matrices, and frames of numbers.

use std::ops::Range;
use std::sync::Arc;

use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use super::array::Array;
use crate::matrix::{DEFAULT_MEMORY, RowSource, Shared, Spool};
use crate::rounded::Rounded;

/// Rows of a dense matrix.
#[derive(Debug)]
pub(super) struct DenseRows {
    array: Arc<Array>,
    shape: (usize, usize),
    memory: usize,
    spool: Option<Shared>,
}

impl DenseRows {
    pub(super) fn new(array: Arc<Array>, shape: (usize, usize)) -> Self {
        Self { array, shape, memory: DEFAULT_MEMORY, spool: None }
    }

    /// Rows that fit into a share of the memory.
    fn fitting(&self) -> usize {
        (self.memory / 4 / 8 / self.shape.1.max(1)).max(1)
    }

    /// What is set aside by rows, where the chunks of a row are too tall to be held side by side.
    fn spool(&mut self) -> Result<Option<Shared>> {
        if self.spool.is_none() && self.array.chunk_rows().min(self.shape.0) > self.fitting() {
            let (array, shape, memory) = (self.array.clone(), self.shape, self.memory);
            self.spool = Some(Shared::of(&self.array.place, self.memory, || filled(&array, shape, memory))?);
        }
        Ok(self.spool.clone())
    }
}

/// Unpacks every chunk once.
fn filled(array: &Array, shape: (usize, usize), memory: usize) -> Result<Spool> {
    let mut spool = Spool::new(shape, shape.0.saturating_mul(shape.1) / 4, memory);
    let mut rounded = Rounded::default();
    let (down, across) = array.grid();
    for chunk in (0..down).flat_map(|down| (0..across).map(move |across| (down, across))) {
        array.visit(chunk, |row, column, value| match value {
            0.0 => Ok(()),
            value => spool.push(row as u32, column as u32, rounded.narrow(value)),
        })?;
    }
    spool.note(&rounded);
    Ok(spool)
}

impl RowSource for DenseRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        if let Some(spool) = self.spool()? {
            return Ok(wanted.start..spool.window(wanted.start).end);
        }
        // Rows that are packed together are unpacked together.
        let height = self.array.chunk_rows();
        let end = (wanted.start / height + 1) * height;
        Ok(wanted.start..end.min(wanted.start + self.fitting()).max(wanted.start + 1).min(self.shape.0))
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        match self.spool()? {
            Some(spool) => spool.load(rows, rounded),
            None => Ok(block(self.array.rows(rows.clone())?, (rows.len(), self.shape.1), rounded)),
        }
    }

    fn set_memory(&mut self, bytes: usize) {
        self.memory = bytes;
    }
}

/// Rows of a frame whose columns are arrays of numbers.
#[derive(Debug)]
pub(super) struct FrameRows(pub(super) Arc<Vec<Array>>);

impl RowSource for FrameRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        Ok(wanted)
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        let n_cols = self.0.len();
        let mut values = vec![0.0; rows.len() * n_cols];
        for (column, array) in self.0.iter().enumerate() {
            for (row, value) in array.read(rows.clone())?.into_numbers().into_iter().enumerate() {
                values[row * n_cols + column] = value;
            }
        }
        Ok(block(values, (rows.len(), n_cols), rounded))
    }
}

/// The values that are not 0 of rows that lie one behind the other.
fn block(values: Vec<f64>, (n_rows, n_cols): (usize, usize), rounded: &mut Rounded) -> Csr {
    let values: Vec<f32> = values.into_iter().map(|value| rounded.narrow(value)).collect();
    let mut block = Csr::empty(n_cols);
    // A matrix without columns has rows all the same.
    (0..n_rows).for_each(|row| block.push_dense_row(&values[row * n_cols..(row + 1) * n_cols]));
    block
}
