//! Rows of a dense matrix that is stored genes by cells.

use std::ops::Range;

use hdf5::Dataset;
use hdf5::types::H5Type;
use mfdoom_error::Result;
use mfdoom_matrix::Csr;
use ndarray::s;

use super::{DEFAULT_MEMORY, RowSource, Shared, Spool};
use crate::hdf::{Grid, Number, from_f64, from_i64, from_u64};
use crate::place::Place;
use crate::rounded::Rounded;

/// The share of the memory that the values of one window take, dense.
const SHARE: usize = 4;
/// How often chunks may be decoded again before all is set aside in one pass.
const PASSES: usize = 2;

/// Rows of a matrix whose rows are columns in the file.
#[derive(Debug)]
pub(crate) struct TransposedRows {
    dataset: Dataset,
    number: Number,
    n_rows: usize,
    n_cols: usize,
    memory: usize,
    spool: Option<Shared>,
    place: Place,
    grid: Option<Grid>,
    /// Whether rows were loaded: those that are read first may be all that is looked at.
    begun: bool,
}

impl TransposedRows {
    /// Takes a dataset of genes by cells.
    pub(crate) fn new(dataset: Dataset, number: Number, place: Place) -> Self {
        let shape = dataset.shape();
        let (n_rows, n_cols) = (shape.get(1).copied().unwrap_or(0), shape.first().copied().unwrap_or(0));
        let grid = Grid::of(&dataset);
        let (memory, spool) = (DEFAULT_MEMORY, None);
        Self { dataset, number, n_rows, n_cols, memory, spool, place, grid, begun: false }
    }

    /// Chunk of the dataset: genes and cells.
    fn chunk(&self) -> (usize, usize) {
        match self.dataset.chunk().as_deref() {
            Some(&[genes, cells]) => (genes.max(1), cells.max(1)),
            // Stored in one piece, a gene's values lie together; a run of them is read without the others.
            _ => (1, 1),
        }
    }

    /// Cells that fit into the memory of a window.
    fn fitting(&self) -> usize {
        // What is stored in one piece is read in runs of each gene, which shall not be short.
        let share = if self.dataset.is_chunked() { SHARE } else { 1 };
        let values = self.memory / share / self.number.descriptor().size().max(4);
        (values / self.n_cols.max(1)).max(1)
    }

    /// Whether chunks hold so many cells that windows would decode them again and again.
    fn is_against_the_grain(&self) -> bool {
        self.dataset.is_chunked() && self.chunk().1.min(self.n_rows) > PASSES * self.fitting()
    }

    fn values(&self, genes: Range<usize>, cells: Range<usize>, rounded: &mut Rounded) -> Result<Vec<f32>> {
        fn read<T: H5Type>(
            dataset: &Dataset,
            genes: Range<usize>,
            cells: Range<usize>,
        ) -> hdf5::Result<Vec<T>> {
            Ok(dataset.read_slice_2d::<T, _>(s![genes, cells])?.into_raw_vec_and_offset().0)
        }
        if let Some(grid) = &self.grid
            && let Some(values) = grid.read(genes.clone(), cells.clone())
        {
            return Ok(values);
        }
        let dataset = &self.dataset;
        let values = match self.number {
            Number::Float32 | Number::SmallInt => read(dataset, genes, cells),
            Number::Float64 => read(dataset, genes, cells).map(|found| from_f64(&found, rounded)),
            Number::Int => read(dataset, genes, cells).map(|found| from_i64(&found, rounded)),
            Number::Unsigned => read(dataset, genes, cells).map(|found| from_u64(&found, rounded)),
        };
        values.map_err(|error| self.place.unreadable(error))
    }

    fn spool(&mut self) -> Result<Shared> {
        if let Some(spool) = &self.spool {
            return Ok(spool.clone());
        }
        let (place, memory) = (self.place.clone(), self.memory);
        let spool = Shared::of(&place, memory, || self.filled())?;
        self.spool = Some(spool.clone());
        Ok(spool)
    }

    /// Reads the whole matrix once, in the order in which it is stored.
    fn filled(&mut self) -> Result<Spool> {
        let (genes, cells) = self.chunk();
        let shape = (self.n_rows, self.n_cols);
        let mut spool = Spool::new(shape, shape.0 * shape.1 / 4, self.memory);
        let mut rounded = Rounded::default();
        for gene in (0..self.n_cols).step_by(genes) {
            for cell in (0..self.n_rows).step_by(cells) {
                let cells = cell..self.n_rows.min(cell + cells);
                let width = cells.len();
                let values = self.values(gene..self.n_cols.min(gene + genes), cells, &mut rounded)?;
                for (at, value) in values.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                    spool.push((cell + at % width) as u32, (gene + at / width) as u32, *value)?;
                }
            }
        }
        spool.note(&rounded);
        Ok(spool)
    }
}

impl RowSource for TransposedRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        if self.is_against_the_grain() {
            return Ok(wanted.start..self.spool()?.window(wanted.start).end);
        }
        // Whole chunks, as many as the memory holds.
        let (_, cells) = self.chunk();
        let start = wanted.start / cells * cells;
        let wished =
            if self.begun { self.fitting() / cells * cells } else { wanted.len().next_multiple_of(cells) };
        let fitting = wished.max(cells);
        Ok(wanted.start..(start + fitting).max(wanted.start + 1).min(self.n_rows))
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        if self.is_against_the_grain() {
            return self.spool()?.load(rows, rounded);
        }
        self.begun = true;
        let values = self.values(0..self.n_cols, rows.clone(), rounded)?;
        let width = rows.len();
        let mut indptr = vec![0; width + 1];
        for gene in values.chunks_exact(width.max(1)) {
            indptr[1..].iter_mut().zip(gene).for_each(|(n, value)| *n += usize::from(*value != 0.0));
        }
        (0..width).for_each(|at| indptr[at + 1] += indptr[at]);
        let mut cursors = indptr[..width].to_vec();
        let nnz = indptr[width];
        let (mut indices, mut found) = (vec![0; nnz], vec![0.0; nnz]);
        for (gene, row) in values.chunks_exact(width.max(1)).enumerate() {
            for (at, value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                (indices[cursors[at]], found[cursors[at]]) = (gene as u32, *value);
                cursors[at] += 1;
            }
        }
        super::rows_of(self.n_cols, (indptr, indices, found))
    }

    fn set_memory(&mut self, bytes: usize) {
        self.memory = bytes;
    }
}
