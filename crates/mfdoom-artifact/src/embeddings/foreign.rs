//! Vectors from tables that others wrote: any table with a fixed-size list column of floats.
//!
//! Every such column is a head. `dataset` and `cell_id` are used where they are there and strings; else the
//! data set is empty and the cell id is the row number. Scalar columns become obs columns; columns of other
//! types are left out.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use mfdoom_error::{Error, Result};
use serde_json::Value;

use super::batch::EmbeddingBatch;
use super::schema::{EmbeddingSchema, Head};
use crate::key::{CELL_ID, DATASET};
use crate::manifest::Manifest;
use crate::obs::{ObsColumn, ObsField, ObsType};
use crate::table::column;

/// Reads the schema of a table without the mark of MFDOOM; the manifest is empty.
///
/// # Errors
/// Contract, when no column holds vectors.
pub(super) fn schema(schema: &Schema, source: &str) -> Result<EmbeddingSchema> {
    let (mut obs, mut heads) = (Vec::new(), Vec::new());
    for field in schema.fields() {
        let name = field.name().as_str();
        match field.data_type() {
            DataType::FixedSizeList(item, dim) if item.data_type().is_floating() => {
                heads.push(Head { name: name.to_owned(), dim: *dim as usize });
            }
            other if name != DATASET && name != CELL_ID => {
                obs.extend(kind(other).map(|kind| ObsField::new(name, kind)));
            }
            _ => {}
        }
    }
    if heads.is_empty() {
        let found: Vec<String> =
            schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect();
        return Err(Error::contract(format!("{source}: no column holds vectors"))
            .found(found.join(", "))
            .wanted("a fixed-size list column of floats, or the embeddings of mfdoom-embed"));
    }
    let manifest = Manifest::new("", "", 0, Value::Null, Vec::new());
    Ok(EmbeddingSchema { obs, heads, modalities: Vec::new(), manifest })
}

/// Reads a record batch whose first row has number `first`.
pub(super) fn batch(
    batch: &RecordBatch,
    schema: &EmbeddingSchema,
    first: usize,
    source: &str,
) -> Result<EmbeddingBatch> {
    let text = |name: &str| {
        let array = batch.column_by_name(name)?;
        let texts = column::strings(array, source).ok()?;
        Some(texts.into_iter().map(Option::unwrap_or_default).collect::<Vec<String>>())
    };
    let n = batch.num_rows();
    let mut read = EmbeddingBatch {
        dataset: text(DATASET).unwrap_or_else(|| vec![String::new(); n]),
        cell_id: text(CELL_ID).unwrap_or_else(|| (first..first + n).map(|row| row.to_string()).collect()),
        ..EmbeddingBatch::default()
    };
    for field in &schema.obs {
        let array = plain(column::by_name(batch, &field.name, source)?);
        read.obs.push(ObsColumn::from_arrow(&array, field.kind, source)?);
    }
    for head in &schema.heads {
        let array = column::by_name(batch, &head.name, source)?;
        read.heads.push(vectors(array, head.dim, &format!("{source}: {}", head.name))?);
    }
    Ok(read)
}

/// Returns the obs type that holds an Arrow type without loss.
fn kind(data_type: &DataType) -> Option<ObsType> {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => Some(ObsType::String),
        DataType::Dictionary(_, value) if kind(value) == Some(ObsType::String) => Some(ObsType::String),
        DataType::Int32 => Some(ObsType::Int),
        DataType::Float32 => Some(ObsType::Float),
        other => ObsType::of(other),
    }
}

/// Widens numbers of 32 bits.
fn plain(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Int32 => {
            Arc::new(array.as_primitive::<Int32Type>().unary::<_, Int64Type>(i64::from) as Int64Array)
        }
        DataType::Float32 => {
            Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float64Type>(f64::from) as Float64Array)
        }
        _ => array.clone(),
    }
}

/// Returns vectors of either float type, [n, dim] row by row.
fn vectors(array: &ArrayRef, dim: usize, source: &str) -> Result<Vec<f32>> {
    let lists = array.as_fixed_size_list();
    if lists.null_count() > 0 || lists.values().null_count() > 0 {
        return Err(Error::contract(format!("{source}: holds nulls")).wanted("a vector in every row"));
    }
    let start = lists.value_offset_at(0);
    let range = start..start + lists.len() * dim;
    match lists.values().as_primitive_opt::<Float64Type>() {
        Some(values) => Ok(values.values()[range].iter().map(|&value| value as f32).collect()),
        None => {
            Ok(column::cast::<arrow_array::Float32Array>(lists.values(), source)?.values()[range].to_vec())
        }
    }
}
