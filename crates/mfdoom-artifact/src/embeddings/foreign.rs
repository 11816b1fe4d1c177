//! Vectors from tables that others wrote: any table with a column of lists of floats that have one length.
//!
//! Every such column is a head. `dataset` and `cell_id` are used where they are there, as text; else the
//! data set is empty and the cell id is the row number. Scalar columns become obs columns; columns of other
//! types are left out.

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use mfdoom_error::{Error, Result};
use serde_json::Value;

use super::batch::EmbeddingBatch;
use super::schema::{EmbeddingSchema, Head};
use crate::column::Column;
use crate::key::{CELL_ID, DATASET};
use crate::manifest::Manifest;
use crate::obs::{ObsField, ObsType};
use crate::table::column;
use crate::table::vectors::{self, Gaps};

/// Reads the schema of a table without the mark of MFDOOM; the manifest is empty.
///
/// A list without a fixed length holds vectors when all its rows in the first batch are of one length.
///
/// # Errors
/// Contract, when no column holds vectors.
pub(super) fn schema(schema: &Schema, first: Option<&RecordBatch>, source: &str) -> Result<EmbeddingSchema> {
    let (mut obs, mut heads) = (Vec::new(), Vec::new());
    for field in schema.fields() {
        let name = field.name().as_str();
        let open = || vectors::common_len(first?.column_by_name(name)?);
        if let Some(dim) = vectors::fixed_len(field.data_type()).or_else(open) {
            heads.push(Head { name: name.to_owned(), dim });
        } else if name != DATASET && name != CELL_ID {
            obs.extend(ObsType::of_any(field.data_type()).map(|kind| ObsField::new(name, kind)));
        }
    }
    if heads.is_empty() {
        let found: Vec<String> =
            schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect();
        return Err(Error::contract(format!("{source}: no column holds vectors"))
            .found(found.join(", "))
            .wanted("a column of lists of floats, all of one length, or the embeddings of mfdoom-embed")
            .help("as pyarrow: pa.FixedSizeListArray.from_arrays(vectors.ravel(), vectors.shape[1])"));
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
        let texts = Column::from_any_arrow(batch.column_by_name(name)?, source).ok()?.to_strings();
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
        read.obs.push(Column::from_any_arrow(array, source)?);
    }
    for head in &schema.heads {
        let array = column::by_name(batch, &head.name, source)?;
        let place = format!("{source}: {}", head.name);
        read.heads.push(vectors::from_list(array, head.dim, Gaps::Refused, &place)?);
    }
    Ok(read)
}
