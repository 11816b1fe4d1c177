//! Columns that hold one vector per row.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, FixedSizeListArray, Float32Array};
use arrow_schema::{DataType, Field};
use mfdoom_error::{Error, Result};

use super::internal;

/// What a missing value inside a vector is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// An error.
    Refused,
    /// NaN.
    Nan,
}

/// Returns the type of a vector of `dim` floats.
pub fn vector_type(dim: usize) -> DataType {
    DataType::FixedSizeList(Arc::new(Field::new_list_field(DataType::Float32, false)), dim as i32)
}

/// Returns the length of the vectors of a fixed-size list of floats; nothing for another type.
pub fn fixed_len(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::FixedSizeList(item, dim) if item.data_type().is_floating() => Some(*dim as usize),
        _ => None,
    }
}

/// Returns whether a column is a list of floats whose rows may differ in length.
pub fn is_open_list(data_type: &DataType) -> bool {
    matches!(data_type, DataType::List(item) | DataType::LargeList(item) if item.data_type().is_floating())
}

/// Returns the length that all rows of a list of floats have; nothing for another type, no rows or several lengths.
pub fn common_len(array: &ArrayRef) -> Option<usize> {
    if !is_open_list(array.data_type()) || array.null_count() > 0 {
        return None;
    }
    let lengths: Vec<usize> = match array.as_list_opt::<i32>() {
        Some(lists) => lists.offsets().lengths().collect(),
        None => array.as_list_opt::<i64>()?.offsets().lengths().collect(),
    };
    let first = *lengths.first()?;
    lengths.iter().all(|length| *length == first).then_some(first)
}

/// Returns the column of `values`, [n, dim] row by row.
///
/// # Errors
/// Failed, when the values do not fill whole rows.
pub fn to_list(values: Vec<f32>, dim: usize) -> Result<ArrayRef> {
    let item = Arc::new(Field::new_list_field(DataType::Float32, false));
    let n = values.len().checked_div(dim).unwrap_or(0);
    let values = Arc::new(Float32Array::from(values));
    let list = FixedSizeListArray::try_new_with_length(item, dim as i32, values, None, n);
    Ok(Arc::new(list.map_err(internal)?))
}

/// Returns the vectors of a list column of either float type, [n, dim] row by row.
///
/// # Errors
/// Contract, when a vector is missing or of another length, or the column is no list of floats.
pub fn from_list(array: &ArrayRef, dim: usize, gaps: Gaps, source: &str) -> Result<Vec<f32>> {
    let (values, range) = flat(array, dim, source)?;
    if array.null_count() > 0 || (gaps == Gaps::Refused && values.null_count() > 0) {
        return Err(Error::contract(format!("{source}: holds nulls")).wanted("a vector in every row"));
    }
    let values = values.slice(range.start, range.len());
    let mut read: Vec<f32> = if let Some(values) = values.as_primitive_opt::<Float32Type>() {
        values.values().to_vec()
    } else if let Some(values) = values.as_primitive_opt::<Float64Type>() {
        values.values().iter().map(|&value| value as f32).collect()
    } else {
        return Err(Error::contract(format!("{source}: no vectors of float32 or float64"))
            .found(array.data_type().to_string()));
    };
    if let Some(valid) = values.nulls() {
        read.iter_mut().zip(valid).filter(|(_, valid)| !valid).for_each(|(value, _)| *value = f32::NAN);
    }
    Ok(read)
}

/// Returns the values below a list column and which of them its rows cover.
fn flat<'a>(array: &'a ArrayRef, dim: usize, source: &str) -> Result<(&'a ArrayRef, std::ops::Range<usize>)> {
    let n = array.len();
    let (values, ends): (_, Vec<usize>) = match array.data_type() {
        DataType::FixedSizeList(..) => {
            let lists = array.as_fixed_size_list();
            let (start, width) = (lists.value_offset_at(0), lists.value_length() as usize);
            (lists.values(), (0..=n).map(|row| start + row * width).collect())
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            (lists.values(), lists.value_offsets().iter().map(|&end| end as usize).collect())
        }
        DataType::LargeList(_) => {
            let lists = array.as_list::<i64>();
            (lists.values(), lists.value_offsets().iter().map(|&end| end as usize).collect())
        }
        other => {
            return Err(Error::contract(format!("{source}: holds no vectors")).found(other.to_string()));
        }
    };
    match ends.windows(2).find(|ends| ends[1] - ends[0] != dim) {
        Some(ends) => Err(Error::contract(format!("{source}: a vector has another length"))
            .found((ends[1] - ends[0]).to_string())
            .wanted(dim.to_string())),
        None => Ok((values, ends[0]..ends[n])),
    }
}
