//! Rows of a matrix, block by block, in memory that does not grow with their number.

mod chosen;
mod csc;
mod csr;
mod dense;
mod hstack;
mod mapped;
mod pointers;
mod spool;
mod transposed;

use std::ops::Range;
use std::path::Path;

pub(crate) use chosen::ChosenColumns;
pub(crate) use csc::CscRows;
pub(crate) use csr::CsrRows;
pub(crate) use dense::{DenseRows, DenseValues};
pub(crate) use hstack::HStack;
pub(crate) use mapped::{MappedRows, Missing, RowMap};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;
pub(crate) use spool::{Shared, Spool};
pub(crate) use transposed::TransposedRows;

use crate::place::Place;
use crate::rounded::Rounded;

/// Memory that a format may use to read ahead, unless told otherwise.
pub const DEFAULT_MEMORY: usize = 24 << 20;

/// What a file format gives: runs of rows of one matrix.
///
/// A format that reads best in runs of its own length says so; [`Matrix`] keeps the last run.
pub trait RowSource: std::fmt::Debug + Send {
    /// Rows to load at once so that `wanted` begins with them; at least one row.
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>>;

    /// Loads rows: no explicit zeros, columns ascending within a row, duplicates summed. `rounded` learns of values that
    /// are no counts and that [`Rounded::narrow`] made look so.
    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr>;

    /// Which of the rows are of cells that were measured; `None` where all of them were.
    fn present(&mut self, _rows: Range<usize>) -> Result<Option<Vec<bool>>> {
        Ok(None)
    }

    /// Sets the memory for reading ahead, in bytes.
    fn set_memory(&mut self, _bytes: usize) {}

    /// Takes the order of what comes first for that of all, where finding out costs a pass over the file.
    fn trust_order(&mut self) {}
}

/// A matrix of a file, read by runs of rows.
///
/// Rows are cheapest in order. Any encoding gives the same blocks: CSR and dense matrices are read as asked
/// for; what is stored across the rows goes once through a temporary file, sorted into runs of rows that take
/// a share of the memory of [`set_memory`](Self::set_memory).
#[derive(Debug)]
pub struct Matrix {
    n_rows: usize,
    n_cols: usize,
    rows: Box<dyn RowSource>,
    window: Option<Window>,
    rounded: Rounded,
    place: Place,
}

/// Rows that were loaded together.
#[derive(Debug)]
struct Window {
    start: usize,
    held: Csr,
    rounded: Rounded,
}

impl Window {
    fn rows(&self) -> Range<usize> {
        self.start..self.start + self.held.n_rows()
    }
}

/// Offsets, columns and values of rows.
pub(crate) type Parts = (Vec<usize>, Vec<u32>, Vec<f32>);

/// Makes rows of parts that hold the promises of [`Csr`].
pub(crate) fn rows_of(n_cols: usize, (indptr, indices, values): Parts) -> Result<Csr> {
    Csr::new(n_cols, indptr, indices, values).map_err(Error::refusal)
}

/// Makes rows of parts whose columns come in any order, more than once or with zeros.
pub(crate) fn tidied(n_cols: usize, parts: Parts, rounded: &mut Rounded) -> Result<Csr> {
    let (indptr, indices, values) = parts;
    Csr::tidied(n_cols, indptr, indices, values, &mut |sum| rounded.narrow(sum)).map_err(Error::refusal)
}

impl Matrix {
    /// Makes a matrix of what a format gives; `file` and `path` name it in messages.
    ///
    /// # Errors
    /// Contract: more than 2^32 rows or columns.
    pub fn of(file: &Path, path: &str, shape: (usize, usize), rows: Box<dyn RowSource>) -> Result<Self> {
        Self::new(shape, rows, Place::root(file).at(path))
    }

    pub(crate) fn new(shape: (usize, usize), rows: Box<dyn RowSource>, place: Place) -> Result<Self> {
        let (n_rows, n_cols) = shape;
        if u32::try_from(n_cols.max(n_rows)).is_err() {
            return Err(place
                .broken("is too large")
                .found(format!("{n_rows} x {n_cols}"))
                .wanted("fewer than 2^32 of each"));
        }
        Ok(Self { n_rows, n_cols, rows, window: None, rounded: Rounded::default(), place })
    }

    /// Number of rows: cells.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Number of columns: genes.
    pub fn n_cols(&self) -> usize {
        self.n_cols
    }

    /// Sets the memory for reading ahead, in bytes; with more, less is set aside in files.
    pub fn set_memory(&mut self, bytes: usize) {
        self.rows.set_memory(bytes);
    }

    /// Reads in one pass what seems to be in the order of cells. Where an entry then goes back to a cell whose row was
    /// read, reading fails, and whoever opens the file next sets its entries aside: for those who can begin again, as
    /// [`in_one_pass`](crate::in_one_pass) does. Without this, or for a file known to be in no order, nothing fails.
    pub fn trust_order(&mut self) {
        self.rows.trust_order();
    }

    /// Which cells of a range were measured; `None` where all of them were.
    ///
    /// A cell that was not measured has an empty row, which is not the same as no counts.
    pub fn present(&mut self, rows: Range<usize>) -> Result<Option<Vec<bool>>> {
        self.rows.present(rows)
    }

    /// Values of the rows that were read last that are no counts and that rounding to `f32` made look so.
    pub fn rounded(&self) -> &Rounded {
        &self.rounded
    }

    /// Reads rows: no explicit zeros, columns ascending, duplicates summed.
    ///
    /// # Errors
    /// Contract: the file is damaged where it is read: pointers that decrease or lead outside, columns out of
    /// range, data that cannot be decoded. Failed: `range` is not within the matrix.
    pub fn read_rows(&mut self, range: Range<usize>) -> Result<Csr> {
        if range.start > range.end || range.end > self.n_rows {
            return Err(Error::failed(format!(
                "rows {range:?} of {}",
                self.place.broken("are not all there")
            ))
            .found(format!("{} rows", self.n_rows)));
        }
        let mut block = Csr::empty(self.n_cols);
        self.rounded = Rounded::default();
        let mut at = range.start;
        while at < range.end {
            let window = match self.window.take() {
                Some(window) if window.rows().contains(&at) => window,
                old => {
                    drop(old);
                    let rows = self.rows.window(at..range.end)?;
                    if rows == range {
                        return self.rows.load(rows, &mut self.rounded);
                    }
                    let (start, mut rounded) = (rows.start, Rounded::default());
                    let held = self.rows.load(rows, &mut rounded)?;
                    Window { start, held, rounded }
                }
            };
            let end = range.end.min(window.rows().end);
            block.extend(&window.held, at - window.start..end - window.start);
            self.rounded.extend(&window.rounded);
            at = end;
            self.window = Some(window);
        }
        Ok(block)
    }
}
