//! Annotation columns of cells: plain string, int64, float64 or bool, with nulls.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow_schema::{DataType, Field};
use mfdoom_error::{Error, Result};

use crate::table::column;

/// Type of an obs column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObsType {
    /// UTF-8 text.
    String,
    /// 64-bit integers.
    Int,
    /// 64-bit floats.
    Float,
    /// Truth values.
    Bool,
}

/// Name and type of an obs column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObsField {
    /// Name in the table.
    pub name: String,
    /// Type of the values.
    pub kind: ObsType,
}

/// Values of an obs column, one per cell.
#[derive(Clone, Debug, PartialEq)]
pub enum ObsColumn {
    /// UTF-8 text.
    String(Vec<Option<String>>),
    /// 64-bit integers.
    Int(Vec<Option<i64>>),
    /// 64-bit floats.
    Float(Vec<Option<f64>>),
    /// Truth values.
    Bool(Vec<Option<bool>>),
}

impl ObsType {
    /// Returns the Arrow type of the column.
    pub fn data_type(self) -> DataType {
        match self {
            Self::String => DataType::Utf8,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Bool => DataType::Boolean,
        }
    }

    /// Returns the obs type of an Arrow type, where it is one.
    pub fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Utf8 => Some(Self::String),
            DataType::Int64 => Some(Self::Int),
            DataType::Float64 => Some(Self::Float),
            DataType::Boolean => Some(Self::Bool),
            _ => None,
        }
    }

    /// Returns the obs type that holds an Arrow type of other writers without loss, where one does.
    pub fn widened(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Utf8View | DataType::LargeUtf8 => Some(Self::String),
            DataType::Dictionary(_, value) if Self::widened(value) == Some(Self::String) => {
                Some(Self::String)
            }
            DataType::Int32 => Some(Self::Int),
            DataType::Float32 => Some(Self::Float),
            other => Self::of(other),
        }
    }
}

impl ObsField {
    /// Returns a field.
    pub fn new(name: impl Into<String>, kind: ObsType) -> Self {
        Self { name: name.into(), kind }
    }

    /// Returns the Arrow field; obs columns may hold nulls.
    pub fn to_arrow(&self) -> Field {
        Field::new(&self.name, self.kind.data_type(), true)
    }

    /// Reads the Arrow field of an obs column.
    ///
    /// # Errors
    /// Contract, when its type is not one of an obs column.
    pub fn from_arrow(field: &Field, source: &str) -> Result<Self> {
        match ObsType::of(field.data_type()) {
            Some(kind) => Ok(Self::new(field.name(), kind)),
            None => Err(Error::contract(format!("{source}: column {:?} has an unknown type", field.name()))
                .found(field.data_type().to_string())
                .wanted("string, int64, float64 or bool")),
        }
    }
}

impl ObsColumn {
    /// Returns the type.
    pub fn kind(&self) -> ObsType {
        match self {
            Self::String(_) => ObsType::String,
            Self::Int(_) => ObsType::Int,
            Self::Float(_) => ObsType::Float,
            Self::Bool(_) => ObsType::Bool,
        }
    }

    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        match self {
            Self::String(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    /// Returns whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns an empty column of type `kind`.
    pub fn empty(kind: ObsType) -> Self {
        match kind {
            ObsType::String => Self::String(Vec::new()),
            ObsType::Int => Self::Int(Vec::new()),
            ObsType::Float => Self::Float(Vec::new()),
            ObsType::Bool => Self::Bool(Vec::new()),
        }
    }

    /// Returns `n` nulls of type `kind`.
    pub fn nulls(kind: ObsType, n: usize) -> Self {
        match kind {
            ObsType::String => Self::String(vec![None; n]),
            ObsType::Int => Self::Int(vec![None; n]),
            ObsType::Float => Self::Float(vec![None; n]),
            ObsType::Bool => Self::Bool(vec![None; n]),
        }
    }

    /// Returns the values of the cells at `rows`, in that order.
    pub fn take(&self, rows: &[usize]) -> Self {
        fn pick<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
            rows.iter().map(|&row| values[row].clone()).collect()
        }
        match self {
            Self::String(values) => Self::String(pick(values, rows)),
            Self::Int(values) => Self::Int(pick(values, rows)),
            Self::Float(values) => Self::Float(pick(values, rows)),
            Self::Bool(values) => Self::Bool(pick(values, rows)),
        }
    }

    /// Appends the cells of `other`.
    ///
    /// # Errors
    /// Contract, when the types differ.
    pub fn append(&mut self, other: &Self) -> Result<()> {
        match (self, other) {
            (Self::String(to), Self::String(from)) => to.extend_from_slice(from),
            (Self::Int(to), Self::Int(from)) => to.extend_from_slice(from),
            (Self::Float(to), Self::Float(from)) => to.extend_from_slice(from),
            (Self::Bool(to), Self::Bool(from)) => to.extend_from_slice(from),
            (to, from) => {
                return Err(Error::contract("an obs column has two types").found(format!(
                    "{} and {}",
                    to.kind().data_type(),
                    from.kind().data_type()
                )));
            }
        }
        Ok(())
    }

    /// Returns the text of every value as Python prints it (`True`, `1.0`), nothing where it is null or NaN: what a
    /// label column is read as.
    ///
    /// ```
    /// use mfdoom_artifact::ObsColumn;
    ///
    /// let column = ObsColumn::Float(vec![Some(1.0), Some(f64::NAN), None]);
    /// assert_eq!(column.to_text(), [Some("1.0".to_owned()), None, None]);
    /// ```
    pub fn to_text(&self) -> Vec<Option<String>> {
        let number = |value: &f64| (!value.is_nan()).then(|| format!("{value:?}"));
        let truth = |value: bool| (if value { "True" } else { "False" }).to_owned();
        match self {
            Self::String(values) => values.clone(),
            Self::Int(values) => values.iter().map(|value| value.map(|n| n.to_string())).collect(),
            Self::Float(values) => values.iter().map(|value| value.as_ref().and_then(number)).collect(),
            Self::Bool(values) => values.iter().map(|value| value.map(truth)).collect(),
        }
    }

    /// Returns the Arrow array.
    pub fn to_arrow(&self) -> ArrayRef {
        match self {
            Self::String(values) => Arc::new(StringArray::from_iter(values)),
            Self::Int(values) => Arc::new(Int64Array::from(values.clone())),
            Self::Float(values) => Arc::new(Float64Array::from(values.clone())),
            Self::Bool(values) => Arc::new(BooleanArray::from(values.clone())),
        }
    }

    /// Reads an Arrow array of type `kind`; `source` names the table in messages.
    pub fn from_arrow(array: &ArrayRef, kind: ObsType, source: &str) -> Result<Self> {
        Ok(match kind {
            ObsType::String => Self::String(column::strings(array, source)?),
            ObsType::Int => Self::Int(column::cast::<Int64Array>(array, source)?.iter().collect()),
            ObsType::Float => Self::Float(column::cast::<Float64Array>(array, source)?.iter().collect()),
            ObsType::Bool => Self::Bool(column::cast::<BooleanArray>(array, source)?.iter().collect()),
        })
    }

    /// Reads an Arrow array of a type that [`ObsType::widened`] maps to `kind`.
    pub fn widened(array: &ArrayRef, kind: ObsType, source: &str) -> Result<Self> {
        let array: ArrayRef = match array.data_type() {
            DataType::Int32 => {
                Arc::new(array.as_primitive::<Int32Type>().unary::<_, Int64Type>(i64::from) as Int64Array)
            }
            DataType::Float32 => Arc::new(
                array.as_primitive::<Float32Type>().unary::<_, Float64Type>(f64::from) as Float64Array,
            ),
            _ => array.clone(),
        };
        Self::from_arrow(&array, kind, source)
    }
}

/// Returns the names obs columns get in a table whose own columns are `reserved`: a colliding name gets
/// the prefix `obs_`, as often as it takes.
pub fn free_names<'a>(names: &[String], reserved: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken: BTreeSet<String> = reserved.into_iter().map(str::to_owned).collect();
    let plain: BTreeSet<&String> = names.iter().filter(|name| !taken.contains(*name)).collect();
    let renamed: Vec<String> = names
        .iter()
        .map(|name| {
            let mut free = name.clone();
            while taken.contains(&free) || (free != *name && plain.contains(&free)) {
                free = format!("obs_{free}");
            }
            if free != *name {
                taken.insert(free.clone());
            }
            free
        })
        .collect();
    renamed
}
