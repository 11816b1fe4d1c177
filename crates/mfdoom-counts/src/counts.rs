//! The contract of raw counts: non-negative integers, or an error that shows what was found instead.

use std::ops::Range;

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;

use crate::file::CountsFile;
use crate::formats::in_one_pass;
use crate::matrix::Matrix;
use crate::rounded::{MAX_COUNT, Rounded, are_small_integers, not_counts, settle};
use crate::source::Source;

/// Rows that are looked at before a matrix is taken; the rest is checked as it is read.
const PROBED: usize = 256;
/// Offending values that an error shows.
const SHOWN: usize = 3;

/// Which values are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountRule {
    /// Fractions are taken too, never negative values.
    pub allow_non_integer: bool,
}

impl CountRule {
    /// Returns up to three values of `block` that are not taken; `rounded` are those that only rounding made counts.
    pub fn offending(self, block: &Csr, rounded: &Rounded) -> Vec<f64> {
        if !self.allow_non_integer {
            return not_counts(block, rounded);
        }
        let bad = |value: &&f32| !(value.is_finite() && **value >= 0.0);
        block.values().iter().filter(bad).take(SHOWN).map(|value| f64::from(*value)).collect()
    }

    /// Reads rows, and makes values within the tolerance the integers that they stand for; `None` where a value is not
    /// taken.
    ///
    /// # Errors
    /// Those of [`Matrix::read_rows`].
    pub fn read(self, matrix: &mut Matrix, rows: Range<usize>) -> Result<Option<Csr>> {
        let mut block = matrix.read_rows(rows)?;
        if matrix.rounded().values().is_empty() && are_small_integers(&block) {
            return Ok(Some(block));
        }
        if !self.offending(&block, matrix.rounded()).is_empty() {
            return Ok(None);
        }
        if !self.allow_non_integer {
            settle(&mut block);
        }
        Ok(Some(block))
    }

    /// Looks at the first rows of a matrix; at all rows until there is a count.
    pub fn look(self, file: &dyn CountsFile, source: &Source) -> Result<Look> {
        in_one_pass(|| self.look_once(file, source))
    }

    fn look_once(self, file: &dyn CountsFile, source: &Source) -> Result<Look> {
        let mut matrix = file.matrix(source)?;
        matrix.trust_order();
        let mut look = Look { offending: Vec::new(), empty: true, binary: true };
        let mut start = 0;
        while start < matrix.n_rows() && look.empty {
            let end = (start + PROBED).min(matrix.n_rows());
            let block = matrix.read_rows(start..end)?;
            look.offending = self.offending(&block, matrix.rounded());
            look.empty = block.nnz() == 0;
            look.binary = block.values().iter().all(|value| *value == 1.0);
            start = end;
        }
        if !look.offending.is_empty() {
            look.offending = self.search(file, source)?;
        }
        Ok(look)
    }

    /// Returns whether the first rows of a matrix hold nothing but counts.
    pub fn probe(self, file: &dyn CountsFile, source: &Source) -> Result<bool> {
        in_one_pass(|| {
            let mut matrix = file.matrix(source)?;
            matrix.trust_order();
            let rows = matrix.n_rows().min(PROBED);
            let block = matrix.read_rows(0..rows)?;
            Ok(self.offending(&block, matrix.rounded()).is_empty())
        })
    }

    /// Returns the error for a matrix with an offending value, after looking for more of them.
    pub fn refuse(self, file: &dyn CountsFile, source: &Source) -> Error {
        let error = Error::contract(format!("{}: {source} does not hold raw counts", file.name()));
        let found = self.search(file, source).unwrap_or_default();
        let error = error.found(show_values(&found));
        if self.allow_non_integer {
            return error
                .wanted("finite values of 0 or more")
                .help("name another matrix with --modality NAME=SOURCE");
        }
        let limit = found.iter().any(|value| *value > MAX_COUNT);
        error
            .wanted(if limit { "integers of 0 to 9007199254740992 (2^53)" } else { "non-negative integers" })
            .help("name the raw counts with --modality NAME=SOURCE; --allow-non-integer takes fractions as they are")
    }

    /// Reads until three different offending values are found.
    pub fn search(self, file: &dyn CountsFile, source: &Source) -> Result<Vec<f64>> {
        let mut matrix = file.matrix(source)?;
        let mut found: Vec<f64> = Vec::new();
        let mut show = |values: Vec<f64>| {
            for value in values {
                if found.len() < SHOWN && !found.iter().any(|known| known.to_bits() == value.to_bits()) {
                    found.push(value);
                }
            }
            found.len()
        };
        let (mut start, mut n) = (0, 0);
        while start < matrix.n_rows() && n < SHOWN {
            let end = (start + PROBED).min(matrix.n_rows());
            let block = matrix.read_rows(start..end)?;
            // What rounding hides comes first: in no row does it look wrong.
            n = show(self.offending(&Csr::empty(block.n_cols()), matrix.rounded()));
            for row in 0..block.n_rows() {
                n = show(self.offending(&block.select_rows(&[row]), &Rounded::default()));
            }
            start = end;
        }
        Ok(found)
    }
}

/// What the first rows of a matrix hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Values that are not taken.
    pub offending: Vec<f64>,
    /// No value but 0, in all rows.
    pub empty: bool,
    /// No value but 0 and 1.
    pub binary: bool,
}

impl Look {
    /// Whether every value is taken.
    pub fn is_counts(&self) -> bool {
        self.offending.is_empty()
    }
}

impl std::fmt::Display for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self { offending, .. } if !offending.is_empty() => f.write_str(&show_values(offending)),
            Self { empty: true, .. } => f.write_str("no count at all"),
            Self { binary: true, .. } => f.write_str("no value but 0 and 1 (binarised)"),
            _ => f.write_str("raw counts"),
        }
    }
}

/// Writes values for a message: so that they look as wrong as they are.
pub fn show_values(values: &[f64]) -> String {
    let texts: Vec<String> = values.iter().map(|value| shorten(*value)).collect();
    texts.join(", ")
}

/// Writes a value with five digits, or all of them where fewer would make it look like a count.
fn shorten(value: f64) -> String {
    let short = format!("{value:.5}");
    match short.parse::<f64>() {
        Ok(rounded) if rounded.fract() == 0.0 && value.is_finite() => format!("{value}"),
        _ => short.trim_end_matches('0').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_values_so_that_they_look_wrong() {
        assert_eq!(
            show_values(&[std::f64::consts::LN_2, -1.0, 1.000_000_000_1]),
            "0.69315, -1, 1.0000000001"
        );
        assert_eq!(show_values(&[f64::NAN, 2.5, f64::INFINITY]), "NaN, 2.5, inf");
    }
}
