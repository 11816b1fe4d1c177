//! Rows of the matrices of a Zarr store.

use std::ops::Range;
use std::sync::Arc;

use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use super::array::Array;
use super::values::Values;
use crate::hdf::{to_floats, to_indices};
use crate::keys;
use crate::matrix::{DEFAULT_MEMORY, RowSource, Shared, Spool, tidied};
use crate::place::Place;
use crate::rounded::Rounded;

/// Entries read at once.
const PIECE: usize = 1 << 18;

/// The arrays of a sparse matrix.
#[derive(Clone, Debug)]
pub(super) struct Sparse {
    pub(super) pointers: Arc<Array>,
    pub(super) indices: Arc<Array>,
    pub(super) data: Arc<Array>,
    pub(super) shape: (usize, usize),
    /// Whether it is compressed by columns.
    pub(super) columns: bool,
    pub(super) place: Place,
}

impl Sparse {
    fn n(&self) -> usize {
        self.data.len().unwrap_or(0)
    }

    /// Where rows (of CSC, columns) begin and the last one ends.
    fn ends(&self, range: Range<usize>) -> Result<Vec<usize>> {
        let found = integers(self.pointers.read(range.start..range.end + 1)?);
        let n = self.n() as i64;
        let last = self.pointers.len().unwrap_or(0).saturating_sub(1);
        let rises =
            found.windows(2).all(|pair| pair[0] <= pair[1]) && found.iter().all(|at| (0..=n).contains(at));
        let begins = range.start > 0 || found.first() == Some(&0);
        let ends = range.end < last || found.last() == Some(&n);
        if !(rises && begins && ends) {
            let what = match rises {
                false => "pointers that decrease or lead outside".to_owned(),
                true => format!("pointers that do not go from 0 to {n}, the number of values"),
            };
            return Err(self
                .place
                .at(keys::INDPTR)
                .broken("does not fit the values")
                .found(what)
                .help("the matrix is corrupt: write it again"));
        }
        Ok(found.into_iter().map(|at| at as usize).collect())
    }

    fn indices(&self, range: Range<usize>) -> Result<Vec<u32>> {
        let limit = if self.columns { self.shape.0 } else { self.shape.1 };
        if let Ok(limit) = u32::try_from(limit)
            && let Some(found) = self.indices.numbers(range.clone(), &to_indices(limit))?
        {
            return Ok(found);
        }
        let limit = limit as i64;
        let found = integers(self.indices.read(range)?);
        match found.iter().find(|index| !(0..limit).contains(*index)) {
            Some(wrong) => Err(self
                .place
                .at(keys::INDICES)
                .broken("is out of range")
                .found(wrong.to_string())
                .wanted(format!("0 to {}", limit - 1))),
            None => Ok(found.into_iter().map(|index| index as u32).collect()),
        }
    }
}

/// Values of a range as `f32`.
pub(super) fn floats(array: &Array, range: Range<usize>, rounded: &mut Rounded) -> Result<Vec<f32>> {
    if let Some(found) = array.numbers(range.clone(), &to_floats)? {
        return Ok(found);
    }
    let values = array.read(range)?.into_numbers();
    Ok(values.into_iter().map(|value| rounded.narrow(value)).collect())
}

fn integers(values: Values) -> Vec<i64> {
    match values {
        Values::Ints(values) => values,
        other => other.into_numbers().into_iter().map(|value| value as i64).collect(),
    }
}

/// Rows of a sparse matrix.
#[derive(Debug)]
pub(super) struct SparseRows {
    of: Sparse,
    memory: usize,
    spool: Option<Shared>,
}

impl SparseRows {
    pub(super) fn new(of: Sparse) -> Self {
        Self { of, memory: DEFAULT_MEMORY, spool: None }
    }

    fn spool(&mut self) -> Result<Shared> {
        if let Some(spool) = &self.spool {
            return Ok(spool.clone());
        }
        let (place, memory) = (self.of.place.clone(), self.memory);
        let spool = Shared::of(&place, memory, || self.filled())?;
        self.spool = Some(spool.clone());
        Ok(spool)
    }

    /// Reads a matrix of columns once and sets its entries aside by rows.
    fn filled(&mut self) -> Result<Spool> {
        let of = &self.of;
        let mut spool = Spool::new(of.shape, of.n(), self.memory);
        let mut rounded = Rounded::default();
        for first in (0..of.shape.1).step_by(PIECE) {
            let columns = first..of.shape.1.min(first + PIECE);
            let ends = of.ends(columns.clone())?;
            for (column, pair) in columns.zip(ends.windows(2)) {
                let rows = of.indices(pair[0]..pair[1])?;
                let values = floats(&of.data, pair[0]..pair[1], &mut rounded)?;
                for (row, value) in rows.into_iter().zip(values) {
                    spool.push(row, column as u32, value)?;
                }
            }
        }
        spool.note(&rounded);
        Ok(spool)
    }
}

impl RowSource for SparseRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        if self.of.columns {
            return Ok(wanted.start..self.spool()?.window(wanted.start).end);
        }
        Ok(wanted)
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        if self.of.columns {
            return self.spool()?.load(rows, rounded);
        }
        let mut indptr = self.of.ends(rows)?;
        let (begin, end) = (indptr[0], indptr[indptr.len() - 1]);
        indptr.iter_mut().for_each(|at| *at -= begin);
        let (indices, values) =
            rayon::join(|| self.of.indices(begin..end), || floats(&self.of.data, begin..end, rounded));
        tidied(self.of.shape.1, (indptr, indices?, values?), rounded)
    }

    fn set_memory(&mut self, bytes: usize) {
        self.memory = bytes;
    }
}
