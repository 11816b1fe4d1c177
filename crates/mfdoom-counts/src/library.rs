//! True library sizes, kept in obs where a file holds a subset of the genes.

use std::ops::Range;

use mfdoom_error::{Error, Result};

use crate::frame::Column;
use crate::read::H5ad;

/// Reads the library sizes of a range of cells from an obs column.
///
/// # Errors
/// Contract: no such column, or not a number of 0 or more for every cell.
pub fn library_sizes(file: &H5ad, name: &str, rows: Range<usize>) -> Result<Vec<f64>> {
    let values: Vec<f64> = match file.obs_column_in(name, rows)? {
        Column::Int(values) => values.into_iter().map(|value| value.map_or(f64::NAN, |n| n as f64)).collect(),
        Column::Float(values) => values,
        other => return Err(wrong(file, name).found(other.describe())),
    };
    match values.iter().find(|value| !(value.is_finite() && **value >= 0.0)) {
        Some(value) => Err(wrong(file, name).found(value.to_string())),
        None => Ok(values),
    }
}

fn wrong(file: &H5ad, name: &str) -> Error {
    Error::contract(format!("{}: obs column '{name}' does not hold library sizes", file.name()))
        .wanted("a number of 0 or more for every cell")
        .help("name another column: --library-size MODALITY=COLUMN")
}
