//! True library sizes, kept in obs where a file holds a subset of the genes.

use std::ops::Range;

use mfdoom_error::{Error, Result};

use crate::file::CountsFile;
use crate::formats::in_one_pass;
use crate::source::Source;

/// Rows whose totals are compared with a column.
const PROBED: usize = 256;
/// What columns of library sizes are called, without the modality.
const SIZES: [&str; 6] = ["ncount", "initialsize", "totalcount", "totalumi", "librarysize", "numi"];
/// Other names of modalities in such columns.
const ALSO: [(&str, &str); 4] =
    [("protein", "adt"), ("protein", "prot"), ("adt", "protein"), ("atac", "peaks")];
use crate::frame::Column;

/// Reads the library sizes of a range of cells from an obs column.
///
/// # Errors
/// Contract: no such column, or not a number of 0 or more for every cell.
pub fn library_sizes(file: &dyn CountsFile, name: &str, rows: Range<usize>) -> Result<Vec<f64>> {
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

/// Finds the obs column with the true library sizes of a modality: named as one, and over the first rows nowhere below
/// what the row adds up to, and above it somewhere.
///
/// # Errors
/// Contract: the matrix cannot be read.
pub fn find_library_sizes(file: &dyn CountsFile, modality: &str, source: &Source) -> Result<Option<String>> {
    let named: Vec<String> =
        file.obs_columns().into_iter().filter(|column| looks_like_size(column, modality)).collect();
    if named.is_empty() {
        return Ok(None);
    }
    for column in named {
        if are_library_sizes(file, &column, source)? {
            return Ok(Some(column));
        }
    }
    Ok(None)
}

/// Whether an obs column holds sizes that are nowhere below what the first rows of a matrix add up to, and above it
/// somewhere.
///
/// # Errors
/// Contract: the matrix cannot be read.
pub fn are_library_sizes(file: &dyn CountsFile, column: &str, source: &Source) -> Result<bool> {
    let (rows, block) = in_one_pass(|| {
        let mut matrix = file.matrix(source)?;
        matrix.trust_order();
        let rows = 0..matrix.n_rows().min(PROBED);
        Ok((rows.clone(), matrix.read_rows(rows)?))
    })?;
    let sum = |row: usize| block.row(row).1.iter().map(|value| f64::from(*value)).sum();
    let counted: Vec<f64> = (0..block.n_rows()).map(sum).collect();
    Ok(library_sizes(file, column, rows).is_ok_and(|sizes| {
        let enough = sizes.iter().zip(&counted).all(|(size, sum)| *size >= sum * (1.0 - 1e-6));
        enough && sizes.iter().sum::<f64>() > counted.iter().sum::<f64>() * (1.0 + 1e-6)
    }))
}

/// Returns whether an obs column is named like the library sizes of a modality.
fn looks_like_size(column: &str, modality: &str) -> bool {
    let plain =
        |text: &str| -> String { text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect() };
    let (name, modality) = (plain(column), plain(modality));
    let Some(rest) = SIZES.iter().find_map(|size| name.split_once(size)).map(|(a, b)| format!("{a}{b}"))
    else {
        return false;
    };
    match modality.as_str() {
        "expression" | "rna" | "gex" => matches!(rest.as_str(), "" | "s" | "rna" | "gex" | "expression"),
        other => rest == other || ALSO.iter().any(|(name, short)| *name == other && rest == *short),
    }
}

fn wrong(file: &dyn CountsFile, name: &str) -> Error {
    Error::contract(format!("{}: obs column '{name}' does not hold library sizes", file.name()))
        .wanted("a number of 0 or more for every cell")
        .help("name another column: --library-size MODALITY=COLUMN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_columns_of_library_sizes() {
        assert!(looks_like_size("nCount.spliced", "spliced"));
        assert!(!looks_like_size("nCount.unspliced", "spliced"));
        assert!(looks_like_size("initial_size_unspliced", "unspliced"));
        assert!(looks_like_size("total_counts", "expression") && looks_like_size("nCount_RNA", "expression"));
        assert!(looks_like_size("initial_size", "expression") && looks_like_size("n_counts", "rna"));
        assert!(!looks_like_size("n_counts", "spliced") && !looks_like_size("nCount.spliced", "expression"));
        assert!(
            !looks_like_size("total_counts_mt", "expression") && !looks_like_size("n_genes", "expression")
        );
        assert!(looks_like_size("nCount_ADT", "protein") && !looks_like_size("nCount_RNA", "protein"));
    }
}
