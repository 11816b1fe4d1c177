//! Columns of a record batch by name and type, with errors that say which.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Schema};
use mfdoom_error::{Error, Result};

/// Returns a column by name.
///
/// # Errors
/// Contract, naming the columns that are there.
pub fn by_name<'a>(batch: &'a RecordBatch, name: &str, source: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| missing(&batch.schema(), name, source))
}

/// Returns the error for a column that is not there.
pub fn missing(schema: &Schema, name: &str, source: &str) -> Error {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    mfdoom_error::missing(source, "column", name, names, "")
}

/// Returns an array as its concrete type.
///
/// # Errors
/// Contract, when it is of another type.
pub fn cast<'a, T: Array + 'static>(array: &'a ArrayRef, source: &str) -> Result<&'a T> {
    array.as_any().downcast_ref::<T>().ok_or_else(|| {
        Error::contract(format!("{source}: a column has an unexpected type"))
            .found(array.data_type().to_string())
    })
}

/// Returns a column of strings without nulls.
pub fn key<'a>(batch: &'a RecordBatch, name: &str, source: &str) -> Result<&'a StringArray> {
    let array = by_name(batch, name, source)?;
    let strings = cast::<StringArray>(array, &format!("{source}: {name}"))?;
    if strings.null_count() > 0 {
        return Err(Error::contract(format!("{source}: column {name:?} holds nulls")));
    }
    Ok(strings)
}

/// Returns the values of any string column: plain, large, view or dictionary.
pub fn strings(array: &ArrayRef, source: &str) -> Result<Vec<Option<String>>> {
    fn owned<'a>(values: impl Iterator<Item = Option<&'a str>>) -> Vec<Option<String>> {
        values.map(|value| value.map(str::to_owned)).collect()
    }
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        let names = strings(dictionary.values(), source)?;
        if names.is_empty() {
            return Ok(vec![None; array.len()]);
        }
        let codes = dictionary.normalized_keys();
        let valid = |row: &usize| dictionary.keys().is_valid(*row);
        return Ok((0..array.len())
            .map(|row| Some(row).filter(valid).and_then(|row| names[codes[row]].clone()))
            .collect());
    }
    match array.data_type() {
        DataType::Utf8 => Ok(owned(array.as_string::<i32>().iter())),
        DataType::LargeUtf8 => Ok(owned(array.as_string::<i64>().iter())),
        DataType::Utf8View => Ok(owned(array.as_string_view().iter())),
        other => {
            Err(Error::contract(format!("{source}: a column of strings was wanted")).found(other.to_string()))
        }
    }
}
