//! Vectors from tables that others wrote: any table with a fixed-size list column of floats.
//!
//! Every such column is a head. `dataset` and `cell_id` are used where they are there and strings; else the
//! data set is empty and the cell id is the row number. Scalar columns become obs columns; columns of other
//! types are left out.

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use mfdoom_error::{Error, Result};
use serde_json::Value;

use super::batch::EmbeddingBatch;
use super::schema::{EmbeddingSchema, Head};
use crate::key::{CELL_ID, DATASET};
use crate::manifest::Manifest;
use crate::obs::{ObsColumn, ObsField, ObsType};
use crate::table::column;
use crate::table::vectors::{self, Gaps};

/// Reads the schema of a table without the mark of MFDOOM; the manifest is empty.
///
/// # Errors
/// Contract, when no column holds vectors.
pub(super) fn schema(schema: &Schema, source: &str) -> Result<EmbeddingSchema> {
    let (mut obs, mut heads) = (Vec::new(), Vec::new());
    for field in schema.fields() {
        let name = field.name().as_str();
        if let Some(dim) = vectors::fixed_len(field.data_type()) {
            heads.push(Head { name: name.to_owned(), dim });
        } else if name != DATASET && name != CELL_ID {
            obs.extend(ObsType::widened(field.data_type()).map(|kind| ObsField::new(name, kind)));
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
        let array = column::by_name(batch, &field.name, source)?;
        read.obs.push(ObsColumn::widened(array, field.kind, source)?);
    }
    for head in &schema.heads {
        let array = column::by_name(batch, &head.name, source)?;
        let place = format!("{source}: {}", head.name);
        read.heads.push(vectors::from_list(array, head.dim, Gaps::Refused, &place)?);
    }
    Ok(read)
}
