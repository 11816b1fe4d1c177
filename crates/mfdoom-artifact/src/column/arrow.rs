//! Columns to and from Arrow arrays.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow_schema::DataType;
use mfdoom_error::{Error, Result};

use super::Column;
use crate::obs::ObsType;
use crate::table::column;

impl Column {
    /// Returns the Arrow array; a missing value is null.
    pub fn to_arrow(&self) -> ArrayRef {
        match self {
            Self::String(values) => Arc::new(StringArray::from_iter(values)),
            Self::Categorical { .. } => Arc::new(StringArray::from_iter(self.to_strings())),
            Self::Int(values) => Arc::new(Int64Array::from(values.clone())),
            Self::Float(values) => {
                let known = |value: &f64| Some(*value).filter(|value| !value.is_nan());
                Arc::new(values.iter().map(known).collect::<Float64Array>())
            }
            Self::Bool(values) => Arc::new(BooleanArray::from(values.clone())),
        }
    }

    /// Reads an Arrow array of type `kind`, as MFDOOM writes it; `source` names the table in messages.
    ///
    /// # Errors
    /// Contract, when the array is of another type.
    pub fn from_arrow(array: &ArrayRef, kind: ObsType, source: &str) -> Result<Self> {
        Ok(match kind {
            ObsType::String => Self::String(column::strings(array, source)?),
            ObsType::Int => Self::Int(column::cast::<Int64Array>(array, source)?.iter().collect()),
            ObsType::Float => Self::Float(
                column::cast::<Float64Array>(array, source)?
                    .iter()
                    .map(|value| value.unwrap_or(f64::NAN))
                    .collect(),
            ),
            ObsType::Bool => Self::Bool(column::cast::<BooleanArray>(array, source)?.iter().collect()),
        })
    }

    /// Reads an Arrow array of any type that [`ObsType::of_any`] knows; `source` names the column in messages.
    ///
    /// # Errors
    /// Contract, when the array is of another type or an integer is above 2^63 - 1.
    pub fn from_any_arrow(array: &ArrayRef, source: &str) -> Result<Self> {
        if let Some(dictionary) = array.as_any_dictionary_opt() {
            let values = Self::from_any_arrow(dictionary.values(), source)?;
            if values.is_empty() {
                return Ok(Self::missing(values.kind(), array.len()));
            }
            let codes = dictionary.normalized_keys();
            let code = |row: usize| dictionary.keys().is_valid(row).then(|| codes[row]);
            return Ok(values.take_or_missing(&(0..array.len()).map(code).collect::<Vec<_>>()));
        }
        Ok(match array.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Self::String(column::strings(array, source)?)
            }
            DataType::Boolean => Self::Bool(array.as_boolean().iter().collect()),
            DataType::Int8 => integers::<Int8Type>(array),
            DataType::Int16 => integers::<Int16Type>(array),
            DataType::Int32 => integers::<Int32Type>(array),
            DataType::Int64 => integers::<Int64Type>(array),
            DataType::UInt8 => integers::<UInt8Type>(array),
            DataType::UInt16 => integers::<UInt16Type>(array),
            DataType::UInt32 => integers::<UInt32Type>(array),
            DataType::UInt64 => large_integers(array, source)?,
            DataType::Float16 => floats::<Float16Type>(array),
            DataType::Float32 => floats::<Float32Type>(array),
            DataType::Float64 => floats::<Float64Type>(array),
            DataType::Null => Self::missing(ObsType::String, array.len()),
            other => {
                return Err(Error::contract(format!("{source}: a column has an unknown type"))
                    .found(other.to_string())
                    .wanted("text, integers, floats or booleans"));
            }
        })
    }
}

fn integers<T: ArrowPrimitiveType>(array: &ArrayRef) -> Column
where
    i64: From<T::Native>,
{
    Column::Int(array.as_primitive::<T>().iter().map(|value| value.map(i64::from)).collect())
}

fn large_integers(array: &ArrayRef, source: &str) -> Result<Column> {
    let narrow = |value: Option<u64>| match value.map(i64::try_from).transpose() {
        Ok(value) => Ok(value),
        Err(_) => Err(Error::contract(format!("{source}: an integer is too large"))
            .found(value.unwrap_or_default().to_string())
            .wanted(format!("at most {}", i64::MAX))
            .help("store the column as text")),
    };
    Ok(Column::Int(array.as_primitive::<UInt64Type>().iter().map(narrow).collect::<Result<_>>()?))
}

fn floats<T: ArrowPrimitiveType>(array: &ArrayRef) -> Column
where
    f64: From<T::Native>,
{
    let value = |value: Option<T::Native>| value.map_or(f64::NAN, f64::from);
    Column::Float(array.as_primitive::<T>().iter().map(value).collect())
}
