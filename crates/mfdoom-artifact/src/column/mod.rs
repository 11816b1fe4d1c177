//! One column of annotation, as `obs` and `var` of an AnnData file and the tables of MFDOOM hold it.

mod arrow;

use mfdoom_error::{Error, Result};

use crate::obs::ObsType;

/// One column, a value per row; `None` is a missing value.
///
/// A table has no categories: [`Categorical`](Self::Categorical) is written as text, and read back as text.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Text.
    String(Vec<Option<String>>),
    /// Codes into categories, whose order is kept.
    Categorical {
        /// Number of each row's category, smaller than the number of categories.
        codes: Vec<Option<u32>>,
        /// The categories.
        categories: Vec<String>,
    },
    /// Integers.
    Int(Vec<Option<i64>>),
    /// Floating point numbers; NaN is a missing one, null in a table.
    Float(Vec<f64>),
    /// Truth values.
    Bool(Vec<Option<bool>>),
}

impl Column {
    /// Returns the type of the column in a table.
    pub fn kind(&self) -> ObsType {
        match self {
            Self::String(_) | Self::Categorical { .. } => ObsType::String,
            Self::Int(_) => ObsType::Int,
            Self::Float(_) => ObsType::Float,
            Self::Bool(_) => ObsType::Bool,
        }
    }

    /// Returns what the column holds, for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::String(_) => "text",
            Self::Categorical { .. } => "categories",
            Self::Int(_) => "integers",
            Self::Float(_) => "numbers",
            Self::Bool(_) => "booleans",
        }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::String(values) => values.len(),
            Self::Categorical { codes, .. } => codes.len(),
            Self::Int(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns a column of type `kind` without rows.
    pub fn empty(kind: ObsType) -> Self {
        Self::missing(kind, 0)
    }

    /// Returns `n` missing values of type `kind`.
    pub fn missing(kind: ObsType, n: usize) -> Self {
        match kind {
            ObsType::String => Self::String(vec![None; n]),
            ObsType::Int => Self::Int(vec![None; n]),
            ObsType::Float => Self::Float(vec![f64::NAN; n]),
            ObsType::Bool => Self::Bool(vec![None; n]),
        }
    }

    /// Returns the values at `rows`, in that order.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn take(&self, rows: &[usize]) -> Self {
        let rows: Vec<Option<usize>> = rows.iter().copied().map(Some).collect();
        self.take_or_missing(&rows)
    }

    /// Returns the values at `rows`, in that order; `None` gives a missing value.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn take_or_missing(&self, rows: &[Option<usize>]) -> Self {
        fn pick<T: Clone>(values: &[Option<T>], rows: &[Option<usize>]) -> Vec<Option<T>> {
            rows.iter().map(|row| row.and_then(|row| values[row].clone())).collect()
        }
        match self {
            Self::String(values) => Self::String(pick(values, rows)),
            Self::Categorical { codes, categories } => {
                Self::Categorical { codes: pick(codes, rows), categories: categories.clone() }
            }
            Self::Int(values) => Self::Int(pick(values, rows)),
            Self::Float(values) => {
                Self::Float(rows.iter().map(|row| row.map_or(f64::NAN, |row| values[row])).collect())
            }
            Self::Bool(values) => Self::Bool(pick(values, rows)),
        }
    }

    /// Appends the rows of `other`; categories become text.
    ///
    /// # Errors
    /// Contract, when the types differ.
    pub fn append(&mut self, other: &Self) -> Result<()> {
        if let Self::Categorical { .. } = self {
            *self = Self::String(self.to_strings());
        }
        match (self, other) {
            (Self::String(to), Self::String(from)) => to.extend_from_slice(from),
            (Self::String(to), Self::Categorical { .. }) => to.extend(other.to_strings()),
            (Self::Int(to), Self::Int(from)) => to.extend_from_slice(from),
            (Self::Float(to), Self::Float(from)) => to.extend_from_slice(from),
            (Self::Bool(to), Self::Bool(from)) => to.extend_from_slice(from),
            (to, from) => {
                return Err(Error::contract("an obs column has two types").found(format!(
                    "{} and {}",
                    to.describe(),
                    from.describe()
                )));
            }
        }
        Ok(())
    }

    /// Returns the column as one of type `kind`: integers as numbers, anything as text.
    ///
    /// # Errors
    /// Contract, when the values are of another type.
    pub fn into_kind(self, kind: ObsType) -> Result<Self> {
        match (self, kind) {
            (Self::Int(values), ObsType::Float) => {
                Ok(Self::Float(values.into_iter().map(|n| n.map_or(f64::NAN, |n| n as f64)).collect()))
            }
            (column, ObsType::String) => Ok(Self::String(column.to_strings())),
            (column, kind) if column.kind() == kind => Ok(column),
            (column, kind) => Err(Error::contract("a column has an unexpected type")
                .found(column.describe())
                .wanted(kind.data_type().to_string())),
        }
    }

    /// Returns the values as numbers, NaN where missing; nothing for text and truth values.
    pub fn to_numbers(&self) -> Option<Vec<f64>> {
        match self {
            Self::Float(values) => Some(values.clone()),
            Self::Int(values) => Some(values.iter().map(|n| n.map_or(f64::NAN, |n| n as f64)).collect()),
            _ => None,
        }
    }

    /// Returns the values as text, as Python prints them: what a label is compared as, whatever file it is in.
    ///
    /// ```
    /// use mfdoom_artifact::Column;
    ///
    /// assert_eq!(Column::Bool(vec![Some(true), None]).to_strings(), [Some("True".to_owned()), None]);
    /// assert_eq!(Column::Float(vec![1.0, f64::NAN]).to_strings(), [Some("1.0".to_owned()), None]);
    /// ```
    pub fn to_strings(&self) -> Vec<Option<String>> {
        match self {
            Self::String(values) => values.clone(),
            Self::Categorical { codes, categories } => {
                let name = |code: u32| categories.get(code as usize).cloned();
                codes.iter().map(|code| code.and_then(name)).collect()
            }
            Self::Int(values) => values.iter().map(|value| value.map(|n| n.to_string())).collect(),
            Self::Float(values) => values.iter().map(|value| float_text(*value)).collect(),
            Self::Bool(values) => values.iter().map(|value| value.map(bool_text)).collect(),
        }
    }
}

fn float_text(value: f64) -> Option<String> {
    (!value.is_nan()).then(|| format!("{value:?}"))
}

fn bool_text(value: bool) -> String {
    if value { "True".to_owned() } else { "False".to_owned() }
}
