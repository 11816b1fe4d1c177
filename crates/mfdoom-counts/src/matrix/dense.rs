//! Rows of a dense matrix: an array, a field of a record array, or the columns of a numeric frame.

use std::ops::Range;

use hdf5::Dataset;
use hdf5::types::{H5Type, TypeDescriptor};
use mfdoom_error::Result;
use mfdoom_matrix::Csr;
use ndarray::s;

use super::{DEFAULT_MEMORY, RowSource, Shared, Spool};
use crate::hdf::{Grid, Line, Number, from_f64, from_i64, from_u64, missing_filter, read_bytes};
use crate::place::Place;
use crate::rounded::Rounded;

/// The share of the memory for reading ahead that one piece of the array may take.
const SHARE: usize = 8;
/// How often chunks may be decoded again before all is set aside in one pass.
const PASSES: usize = 2;

/// Rows of a dense matrix.
#[derive(Debug)]
pub(crate) struct DenseRows {
    cells: DenseValues,
    n_rows: usize,
    n_cols: usize,
    memory: usize,
    spool: Option<Shared>,
    place: Place,
    grid: Option<Grid>,
}

/// Where the values of a dense matrix lie.
#[derive(Debug)]
pub(crate) enum DenseValues {
    /// A dataset of two dimensions.
    Array(Dataset, Number),
    /// A field of a record array that holds a whole row.
    Field(Dataset, String, Number),
    /// One line a column.
    Columns(Vec<Line>),
}

impl DenseValues {
    /// A filter that is needed to read the values and is not there.
    pub(crate) fn missing_filter(&self) -> Option<String> {
        match self {
            Self::Array(dataset, _) | Self::Field(dataset, ..) => missing_filter(dataset),
            Self::Columns(lines) => lines.iter().find_map(Line::missing_filter),
        }
    }
}

impl DenseRows {
    /// Takes values of the given shape.
    pub(crate) fn new(cells: DenseValues, shape: (usize, usize), place: Place) -> Self {
        let grid = if let DenseValues::Array(dataset, _) = &cells { Grid::of(dataset) } else { None };
        Self { cells, n_rows: shape.0, n_cols: shape.1, memory: DEFAULT_MEMORY, spool: None, place, grid }
    }

    fn values(&self, rows: Range<usize>, rounded: &mut Rounded) -> hdf5::Result<Vec<f32>> {
        if let Some(values) = self.grid.as_ref().and_then(|grid| grid.read(rows.clone(), 0..self.n_cols)) {
            return Ok(values);
        }
        match &self.cells {
            DenseValues::Array(dataset, number) => array(dataset, *number, (rows, 0..self.n_cols), rounded),
            DenseValues::Field(dataset, field, number) => {
                let memory = TypeDescriptor::FixedArray(Box::new(number.descriptor()), self.n_cols);
                Ok(from_bytes(&read_bytes(dataset, Some(field), memory, rows)?, *number, rounded))
            }
            DenseValues::Columns(lines) => {
                let mut values = vec![0.0; rows.len() * self.n_cols];
                for (column, line) in lines.iter().enumerate() {
                    for (row, value) in line.floats(rows.clone(), rounded)?.into_iter().enumerate() {
                        values[row * self.n_cols + column] = value;
                    }
                }
                Ok(values)
            }
        }
    }

    /// The chunk of an array whose chunks hold so many rows that runs of rows would decode them again and again.
    fn against_the_grain(&self) -> Option<(Dataset, Number, [usize; 2])> {
        let DenseValues::Array(dataset, number) = &self.cells else { return None };
        let &[rows, columns] = dataset.chunk()?.as_slice() else { return None };
        let spans =
            columns < self.n_cols || rows * columns * number.descriptor().size() > self.memory / SHARE;
        let many = rows.min(self.n_rows) > PASSES * self.piece();
        (spans && many).then(|| (dataset.clone(), *number, [rows.max(1), columns.max(1)]))
    }

    fn spool(&mut self, dataset: &Dataset, number: Number, chunk: [usize; 2]) -> Result<Shared> {
        if let Some(spool) = &self.spool {
            return Ok(spool.clone());
        }
        let (place, memory) = (self.place.clone(), self.memory);
        let spool = Shared::of(&place, memory, || self.filled(dataset, number, chunk))?;
        self.spool = Some(spool.clone());
        Ok(spool)
    }

    /// Decodes every chunk once and sets its values aside by rows.
    fn filled(&mut self, dataset: &Dataset, number: Number, chunk: [usize; 2]) -> Result<Spool> {
        let shape = (self.n_rows, self.n_cols);
        let mut spool = Spool::new(shape, shape.0 * shape.1 / 4, self.memory);
        let mut rounded = Rounded::default();
        for row in (0..shape.0).step_by(chunk[0]) {
            for column in (0..shape.1).step_by(chunk[1]) {
                let (rows, columns) =
                    (row..shape.0.min(row + chunk[0]), column..shape.1.min(column + chunk[1]));
                let width = columns.len();
                let quick = self.grid.as_ref().and_then(|grid| grid.read(rows.clone(), columns.clone()));
                let values = match quick {
                    Some(values) => values,
                    None => array(dataset, number, (rows, columns), &mut rounded)
                        .map_err(|error| self.place.unreadable(error))?,
                };
                for (at, value) in values.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                    spool.push((row + at / width) as u32, (column + at % width) as u32, *value)?;
                }
            }
        }
        spool.note(&rounded);
        Ok(spool)
    }

    /// Rows to read at once.
    fn piece(&self) -> usize {
        let number = match &self.cells {
            DenseValues::Array(_, number) | DenseValues::Field(_, _, number) => number.descriptor().size(),
            DenseValues::Columns(_) => size_of::<f32>(),
        };
        (self.memory / SHARE / (number * self.n_cols).max(1)).max(1)
    }
}

impl RowSource for DenseRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        if let Some((dataset, number, chunk)) = self.against_the_grain() {
            return Ok(wanted.start..self.spool(&dataset, number, chunk)?.window(wanted.start).end);
        }
        // Chunks of many rows are decoded as few times as a piece allows.
        let chunk = match &self.cells {
            DenseValues::Array(dataset, _) | DenseValues::Field(dataset, ..) => {
                dataset.chunk().map(|chunk| chunk[0])
            }
            DenseValues::Columns(lines) => lines.iter().filter_map(Line::big_chunk).max(),
        };
        let rows = chunk.unwrap_or(1).min(self.piece()).max(wanted.len());
        Ok(wanted.start..self.n_rows.min(wanted.start + rows))
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        if let Some((dataset, number, chunk)) = self.against_the_grain() {
            return self.spool(&dataset, number, chunk)?.load(rows, rounded);
        }
        let mut block = Csr::empty(self.n_cols);
        let piece = self.piece();
        for at in rows.clone().step_by(piece) {
            let run = at..rows.end.min(at + piece);
            let values = self.values(run.clone(), rounded).map_err(|error| self.place.unreadable(error))?;
            let nonzero = values.iter().filter(|value| **value != 0.0).count();
            block.reserve(run.len(), nonzero);
            for row in 0..run.len() {
                block.push_dense_row(&values[row * self.n_cols..(row + 1) * self.n_cols]);
            }
        }
        Ok(block)
    }

    fn set_memory(&mut self, bytes: usize) {
        self.memory = bytes;
    }
}

fn array(
    dataset: &Dataset,
    number: Number,
    part: (Range<usize>, Range<usize>),
    rounded: &mut Rounded,
) -> hdf5::Result<Vec<f32>> {
    fn read<T: H5Type>(dataset: &Dataset, part: (Range<usize>, Range<usize>)) -> hdf5::Result<Vec<T>> {
        Ok(dataset.read_slice_2d::<T, _>(s![part.0, part.1])?.into_raw_vec_and_offset().0)
    }
    Ok(match number {
        Number::Float32 | Number::SmallInt => read(dataset, part)?,
        Number::Float64 => from_f64(&read(dataset, part)?, rounded),
        Number::Int => from_i64(&read(dataset, part)?, rounded),
        Number::Unsigned => from_u64(&read(dataset, part)?, rounded),
    })
}

fn from_bytes(bytes: &[u8], number: Number, rounded: &mut Rounded) -> Vec<f32> {
    let words = || bytes.as_chunks::<8>().0.iter();
    match number {
        Number::Float32 | Number::SmallInt => {
            bytes.as_chunks::<4>().0.iter().map(|word| f32::from_ne_bytes(*word)).collect()
        }
        Number::Float64 => {
            from_f64(&words().map(|word| f64::from_ne_bytes(*word)).collect::<Vec<_>>(), rounded)
        }
        Number::Int => from_i64(&words().map(|word| i64::from_ne_bytes(*word)).collect::<Vec<_>>(), rounded),
        Number::Unsigned => {
            from_u64(&words().map(|word| u64::from_ne_bytes(*word)).collect::<Vec<_>>(), rounded)
        }
    }
}
