//! Where each row of a CSR matrix, or column of a CSC matrix, begins: read in runs, never believed.

use std::ops::Range;

use mfdoom_error::Result;

use crate::hdf::Line;
use crate::place::Place;

/// Pointers read at once: 128 KiB of them.
const RUN: usize = 1 << 14;

/// The `indptr` of a sparse matrix.
#[derive(Debug)]
pub(super) struct Pointers {
    line: Line,
    nnz: usize,
    place: Place,
    start: usize,
    held: Vec<usize>,
}

impl Pointers {
    /// Takes the pointers into `nnz` values.
    pub(super) fn new(line: Line, nnz: usize, place: Place) -> Self {
        Self { line, nnz, place, start: 0, held: Vec::new() }
    }

    /// Where rows `rows` begin and the last one ends.
    ///
    /// # Shapes
    /// [rows.len() + 1], ascending, within the values.
    pub(super) fn read(&mut self, rows: Range<usize>) -> Result<&[usize]> {
        if rows.start < self.start || rows.end >= self.start + self.held.len() {
            self.load(rows.clone())?;
        }
        Ok(&self.held[rows.start - self.start..=rows.end - self.start])
    }

    fn load(&mut self, rows: Range<usize>) -> Result<()> {
        let last = self.line.len() - 1;
        let end = rows.end.max(rows.start + RUN).min(last);
        let read = self.line.read::<i64>(rows.start..end + 1);
        let found = read.map_err(|error| self.place.unreadable(error))?;
        let wrong = |what: String, wanted: String| {
            Err(self
                .place
                .broken("does not fit the values")
                .found(what)
                .wanted(wanted)
                .help("the matrix is corrupt: write it again"))
        };
        if rows.start == 0 && found[0] != 0 {
            return wrong(format!("a first pointer of {}", found[0]), "0".to_owned());
        }
        if end == last && found[found.len() - 1] != self.nnz as i64 {
            let wanted = format!("{}, the number of values", self.nnz);
            return wrong(format!("a last pointer of {}", found[found.len() - 1]), wanted);
        }
        if let Some(at) = found.windows(2).position(|pair| pair[0] > pair[1]) {
            let at_row = rows.start + at;
            return wrong(
                format!("{} after {} at position {}", found[at + 1], found[at], at_row + 1),
                "pointers that do not decrease".to_owned(),
            );
        }
        if let Some(pointer) = found.iter().find(|pointer| **pointer < 0 || **pointer > self.nnz as i64) {
            return wrong(format!("a pointer of {pointer}"), format!("0 to {}", self.nnz));
        }
        self.start = rows.start;
        self.held = found.into_iter().map(|pointer| pointer as usize).collect();
        Ok(())
    }
}
