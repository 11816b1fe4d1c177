//! What every format gives: cells, their annotation, and matrices by name.

use std::fmt::Debug;
use std::ops::Range;
use std::path::PathBuf;

use mfdoom_error::Result;

use crate::frame::Column;
use crate::matrix::Matrix;
use crate::source::Source;

/// A file, or a folder of files, that holds counts, open for reading.
///
/// Rows are cells in every format. Matrices are named in AnnData's words ([`Source`]), whatever the format calls
/// them. Nothing is read before it is asked for; counts are read by runs of rows ([`Matrix::read_rows`]).
pub trait CountsFile: Debug + Send + Sync {
    /// The path as the user gave it, for messages.
    fn name(&self) -> &str;

    /// Name of the format, for messages.
    fn format(&self) -> &'static str;

    /// The files that hold what is read, in an order that does not change: what an identity is made of.
    fn parts(&self) -> Vec<PathBuf>;

    /// Number of cells.
    fn n_obs(&self) -> usize;

    /// Names of a range of cells.
    fn obs_names_in(&self, rows: Range<usize>) -> Result<Vec<String>>;

    /// Names of the columns that annotate cells, in order.
    fn obs_columns(&self) -> Vec<String>;

    /// A range of rows of a column that annotates cells.
    ///
    /// # Errors
    /// Contract: no such column, or one that cannot be read.
    fn obs_column_in(&self, name: &str, rows: Range<usize>) -> Result<Column>;

    /// Every matrix, also those that cannot be read, in an order that does not change.
    fn matrices(&self) -> Vec<Listed>;

    /// Opens a matrix; it has a row for every cell of the file.
    ///
    /// # Errors
    /// Contract: no such matrix, a form that is not read, or a shape that does not fit the file.
    fn matrix(&self, source: &Source) -> Result<Matrix>;

    /// Names of the columns of a matrix; empty where a column has none.
    fn var_names_of(&self, source: &Source) -> Result<Vec<String>>;

    /// Names of the columns that annotate the features of a matrix.
    fn var_columns_of(&self, source: &Source) -> Vec<String>;

    /// A column that annotates the features of a matrix.
    fn var_column_of(&self, source: &Source, name: &str) -> Result<Column>;

    /// Cells of files that were joined ([`join`](crate::join)) without a counterpart.
    fn unmatched(&self) -> Result<Vec<Unmatched>> {
        Ok(Vec::new())
    }

    /// The matrices that can be read.
    fn sources(&self) -> Vec<Source> {
        self.matrices().into_iter().filter(|found| found.unread.is_none()).map(|found| found.source).collect()
    }
}

/// A cell that has no counterpart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// Its name.
    pub cell: String,
    /// The file that has it.
    pub file: String,
    /// The file that lacks it.
    pub missing_in: String,
}

/// A matrix that a file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub source: Source,
    /// Why it cannot be read, where it cannot: what was found there.
    pub unread: Option<String>,
}

impl Listed {
    /// A matrix that can be read.
    pub fn readable(source: Source) -> Self {
        Self { source, unread: None }
    }
}
