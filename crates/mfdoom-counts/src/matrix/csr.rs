//! Rows of a CSR matrix.

use std::ops::Range;

use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use super::pointers::Pointers;
use super::{RowSource, tidied};
use crate::hdf::Line;
use crate::keys;
use crate::place::Place;
use crate::read::{Layout, SparseGroup};
use crate::rounded::Rounded;

/// Values read at once, so that their widest form on the way to `f32` stays small.
const PIECE: usize = 1 << 20;
/// The most that is read ahead because of large chunks.
const AHEAD: usize = 1 << 23;

/// Rows of a CSR matrix.
#[derive(Debug)]
pub(crate) struct CsrRows {
    pointers: Pointers,
    entries: Entries,
    n_rows: usize,
    ahead: usize,
}

impl CsrRows {
    /// Takes a group of CSR layout.
    pub(crate) fn new(group: SparseGroup) -> Self {
        let big = [&group.indices, &group.data].into_iter().filter_map(Line::big_chunk).max();
        let n_rows = group.n_rows;
        let (pointers, entries) = split(group);
        Self { pointers, entries, n_rows, ahead: big.unwrap_or(0).min(AHEAD) }
    }
}

impl RowSource for CsrRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        let Range { start, mut end } = wanted;
        // A chunk that HDF5 forgets between reads is decoded once if all its rows are read together.
        while self.ahead > 0 && end < self.n_rows {
            let held = self.pointers.read(start..end)?;
            if held[end - start] - held[0] >= self.ahead {
                break;
            }
            end = (end + (end - start)).min(self.n_rows);
        }
        Ok(start..end)
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        let mut indptr = self.pointers.read(rows)?.to_vec();
        let (begin, end) = (indptr[0], indptr[indptr.len() - 1]);
        let (indices, values) = self.entries.read(begin..end, PIECE.max(self.ahead), rounded)?;
        indptr.iter_mut().for_each(|pointer| *pointer -= begin);
        tidied(self.entries.n_indices, (indptr, indices, values), rounded)
    }
}

/// Indices and values of a sparse matrix.
#[derive(Debug)]
pub(super) struct Entries {
    indices: Line,
    data: Line,
    n_indices: usize,
    place: Place,
}

/// Parts a group into pointers and entries.
pub(super) fn split(group: SparseGroup) -> (Pointers, Entries) {
    let SparseGroup { layout, n_rows, n_cols, indptr, indices, data, place } = group;
    let n_indices = if layout == Layout::Csr { n_cols } else { n_rows };
    let pointers = Pointers::new(indptr, data.len(), place.at(keys::INDPTR));
    (pointers, Entries { indices, data, n_indices, place })
}

impl Entries {
    /// Where the matrix is.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    /// Reads indices and values in pieces.
    fn read(&self, run: Range<usize>, piece: usize, rounded: &mut Rounded) -> Result<(Vec<u32>, Vec<f32>)> {
        let (mut indices, mut values) = (Vec::new(), Vec::new());
        for at in run.clone().step_by(piece) {
            let part = at..run.end.min(at + piece);
            let (of_indices, of_values) =
                rayon::join(|| self.indices(part.clone()), || self.values(part.clone(), rounded));
            if indices.is_empty() {
                (indices, values) = (of_indices?, of_values?);
            } else {
                indices.extend(of_indices?);
                values.extend(of_values?);
            }
        }
        Ok((indices, values))
    }

    /// Reads indices, each below the number of columns (of rows for CSC).
    pub(super) fn indices(&self, run: Range<usize>) -> Result<Vec<u32>> {
        if let Some(found) = self.indices.indices(run.clone(), self.n_indices) {
            return Ok(found);
        }
        let place = self.place.at(keys::INDICES);
        let start = run.start;
        let found = self.indices.read::<i64>(run).map_err(|error| place.unreadable(error))?;
        let limit = self.n_indices as i64;
        if let Some(at) = found.iter().position(|index| *index < 0 || *index >= limit) {
            return Err(place
                .broken("is out of range")
                .found(format!("{} at position {}", found[at], start + at))
                .wanted(format!("0 to {}", limit - 1))
                .help("the matrix is corrupt: write it again"));
        }
        Ok(found.into_iter().map(|index| index as u32).collect())
    }

    /// Reads values; `rounded` gets those that only rounding made integers.
    pub(super) fn values(&self, run: Range<usize>, rounded: &mut Rounded) -> Result<Vec<f32>> {
        let place = || self.place.at(keys::DATA);
        self.data.floats(run, rounded).map_err(|error| place().unreadable(error))
    }
}
