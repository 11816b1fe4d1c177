//! Matrix Market files of counts: cells along either side, entries in any order, one or three values an entry.

mod entries;
mod order;
mod rows;

use std::path::{Path, PathBuf};

use mfdoom_error::Result;

use self::rows::MtxRows;
use super::text::Lines;
use crate::place::Place;

pub use order::in_one_pass;

/// A Matrix Market file whose header was read.
#[derive(Clone, Debug)]
pub(super) struct Mtx {
    path: PathBuf,
    /// Rows and columns, as the header has them.
    pub(super) shape: (usize, usize),
    nnz: usize,
    form: Form,
    /// Values of an entry.
    pub(super) n_values: usize,
}

/// How entries are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Row, column and value.
    Entries,
    /// Row and column; the value is 1.
    Pattern,
    /// As entries, those above the diagonal left out: scipy writes a matrix that is symmetric by chance in this way.
    Symmetric,
    /// All values, column by column.
    Array,
}

impl Form {
    /// Takes the words of the first line.
    fn of(banner: &[&str]) -> Option<Self> {
        let ["%%matrixmarket", "matrix", layout, field, symmetry] = banner else { return None };
        let is_number = matches!(*field, "integer" | "unsigned-integer" | "real" | "double");
        match (*layout, *field, *symmetry) {
            ("coordinate", "pattern", "general") => Some(Self::Pattern),
            ("coordinate", _, "general") if is_number => Some(Self::Entries),
            ("coordinate", _, "symmetric") if is_number => Some(Self::Symmetric),
            ("array", _, "general") if is_number => Some(Self::Array),
            _ => None,
        }
    }
}

/// Which side of the file the cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum CellAxis {
    Rows,
    Columns,
}

impl Mtx {
    /// Reads the header.
    ///
    /// # Errors
    /// Contract: not a Matrix Market file of coordinates, or a shape that cannot be.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut lines = Lines::open(path)?;
        let banner =
            lines.next()?.map(|line| String::from_utf8_lossy(line).to_lowercase()).unwrap_or_default();
        let words: Vec<&str> = banner.split_whitespace().collect();
        let Some(form) = Form::of(&words) else {
            return Err(lines
                .wrong("is not the banner of a matrix of counts")
                .found(banner.chars().take(80).collect::<String>())
                .wanted("%%MatrixMarket matrix coordinate integer (or real, or pattern) general"));
        };
        let size = loop {
            match lines.next()? {
                Some(line) if line.starts_with(b"%") || line.trim_ascii().is_empty() => {}
                Some(line) => break line.to_vec(),
                None => {
                    return Err(lines.wrong("is the last one").wanted("a line of rows, columns and entries"));
                }
            }
        };
        let numbers: Option<Vec<usize>> =
            String::from_utf8_lossy(&size).split_whitespace().map(|word| word.parse().ok()).collect();
        let (rows, columns, nnz) = match (form, numbers.as_deref()) {
            (Form::Array, Some(&[rows, columns])) => (rows, columns, rows.saturating_mul(columns)),
            (Form::Entries | Form::Pattern | Form::Symmetric, Some(&[rows, columns, nnz])) => {
                (rows, columns, nnz)
            }
            _ => {
                return Err(lines
                    .wrong("is not the size of a matrix")
                    .found(String::from_utf8_lossy(&size).chars().take(80).collect::<String>())
                    .wanted("rows, columns and entries"));
            }
        };
        let n_values = match lines.next()? {
            Some(line) if form == Form::Entries => {
                line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count().saturating_sub(2)
            }
            _ => 1,
        };
        Ok(Self { path: path.to_owned(), shape: (rows, columns), nnz, form, n_values: n_values.max(1) })
    }

    /// Tells which side the cells are by the numbers of names.
    ///
    /// # Errors
    /// Contract: the numbers fit neither way.
    pub(super) fn cells(&self, n_cells: usize, n_features: usize) -> Result<CellAxis> {
        let (rows, columns) = self.shape;
        if (rows, columns) == (n_features, n_cells) {
            return Ok(CellAxis::Columns);
        }
        if (rows, columns) == (n_cells, n_features) {
            return Ok(CellAxis::Rows);
        }
        Err(Place::root(&self.path)
            .broken("does not fit the lists next to it")
            .found(format!("{rows} x {columns}"))
            .wanted(format!("{n_cells} cells and {n_features} features, either way round"))
            .help("the lists are of another matrix, or one of the files is cut off"))
    }

    /// Opens the rows of one of the values.
    pub(super) fn rows(&self, cells: CellAxis, value: usize) -> MtxRows {
        MtxRows::new(self.clone(), cells, value)
    }

    fn n_features(&self, cells: CellAxis) -> usize {
        if cells == CellAxis::Columns { self.shape.0 } else { self.shape.1 }
    }

    fn n_cells(&self, cells: CellAxis) -> usize {
        if cells == CellAxis::Columns { self.shape.1 } else { self.shape.0 }
    }
}
