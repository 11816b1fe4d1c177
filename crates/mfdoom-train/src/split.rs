//! Which cells are held back for validation.

use mfdoom_error::{Error, Result};
use mfdoom_nn::Stream;

use crate::data::TrainingCells;

/// How cells are held back.
#[derive(Clone, Debug, PartialEq)]
pub enum Validation {
    /// A random share of the cells.
    Fraction(f64),
    /// The cells in which an obs column has a value.
    Column {
        /// Name of the column.
        name: String,
        /// The value.
        value: String,
    },
}

impl std::fmt::Display for Validation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fraction(share) => share.fmt(f),
            Self::Column { name, value } => write!(f, "{name}={value}"),
        }
    }
}

impl std::str::FromStr for Validation {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if let Some((name, value)) = text.split_once('=') {
            return Ok(Self::Column { name: name.into(), value: value.into() });
        }
        match text.parse::<f64>() {
            Ok(share) if (0.0..1.0).contains(&share) => Ok(Self::Fraction(share)),
            _ => Err(format!("'{text}' is neither a share of the cells from 0 to below 1 nor COLUMN=VALUE")),
        }
    }
}

/// Cells to train on and cells held back, each in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// To train on.
    pub training: Vec<usize>,
    /// Held back.
    pub validation: Vec<usize>,
}

impl Validation {
    /// Returns the obs column that the split needs.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Fraction(_) => None,
            Self::Column { name, .. } => Some(name),
        }
    }

    /// Splits the cells; a random share depends on seed and cell alone.
    ///
    /// # Errors
    /// Contract: no cell has the value, or no cell is left to train on.
    pub fn split(&self, cells: &TrainingCells, seed: u64) -> Result<Split> {
        let held = |cell: usize| match self {
            Self::Fraction(share) => Stream::new(seed, "validation", 0, cell as u64).chance(*share),
            Self::Column { name, value } => cells.obs(name, cell) == Some(value.as_str()),
        };
        let (validation, training): (Vec<_>, Vec<_>) = (0..cells.len()).partition(|c| held(*c));
        if training.is_empty() {
            return Err(Error::contract("validation takes every cell").help("choose another --validation"));
        }
        match self {
            Self::Column { name, value } if validation.is_empty() => {
                Err(Error::contract(format!("no cell has {name}={value}"))
                    .help("choose another --validation COLUMN=VALUE"))
            }
            _ => Ok(Split { training, validation }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_shares_and_columns() {
        assert_eq!("0.1".parse(), Ok(Validation::Fraction(0.1)));
        let column = Validation::Column { name: "donor".into(), value: "3".into() };
        assert_eq!("donor=3".parse(), Ok(column));
        assert!("1".parse::<Validation>().is_err());
        assert!("a lot".parse::<Validation>().is_err());
    }
}
