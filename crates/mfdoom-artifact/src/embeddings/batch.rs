//! Embeddings of a block of cells, and their Arrow form.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, StringArray};
use mfdoom_error::Result;

use super::schema::{EmbeddingSchema, present_name};
use crate::column::Column;
use crate::key::{CELL_ID, DATASET};
use crate::table::vectors::{self, Gaps};
use crate::table::{column, internal};

/// Embeddings of n cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbeddingBatch {
    /// Data set of each cell, [n].
    pub dataset: Vec<String>,
    /// Id of each cell within its data set, [n].
    pub cell_id: Vec<String>,
    /// Obs columns in the order of the schema, each [n].
    pub obs: Vec<Column>,
    /// Vectors in the order of the schema's heads, each [n, dim] row by row.
    pub heads: Vec<Vec<f32>>,
    /// Whether each modality was present, in the order of the schema's modalities, each [n].
    pub present: Vec<Vec<bool>>,
}

impl EmbeddingBatch {
    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        self.cell_id.len()
    }

    /// Returns whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.cell_id.is_empty()
    }

    /// Returns the record batch of this block.
    ///
    /// # Errors
    /// Failed, when the parts do not fit the schema.
    pub fn to_arrow(&self, schema: &EmbeddingSchema) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(&self.dataset)),
            Arc::new(StringArray::from_iter_values(&self.cell_id)),
        ];
        columns.extend(self.obs.iter().map(Column::to_arrow));
        for (head, values) in schema.heads.iter().zip(&self.heads) {
            columns.push(vectors::to_list(values.clone(), head.dim)?);
        }
        columns.extend(
            self.present.iter().map(|present| Arc::new(BooleanArray::from(present.clone())) as ArrayRef),
        );
        RecordBatch::try_new(schema.to_arrow(), columns).map_err(internal)
    }

    /// Reads a record batch of `schema`; `source` names the table in messages.
    ///
    /// # Errors
    /// Contract, when a column has another type or holds nulls.
    pub fn from_arrow(batch: &RecordBatch, schema: &EmbeddingSchema, source: &str) -> Result<Self> {
        let text = |name| -> Result<Vec<String>> {
            Ok(column::key(batch, name, source)?.iter().flatten().map(str::to_owned).collect())
        };
        let mut read = Self { dataset: text(DATASET)?, cell_id: text(CELL_ID)?, ..Self::default() };
        for field in &schema.obs {
            let array = column::by_name(batch, &field.name, source)?;
            read.obs.push(Column::from_arrow(array, field.kind, source)?);
        }
        for head in &schema.heads {
            let array = column::by_name(batch, &head.name, source)?;
            let place = format!("{source}: {}", head.name);
            read.heads.push(vectors::from_list(array, head.dim, Gaps::Refused, &place)?);
        }
        for name in &schema.modalities {
            let array = column::by_name(batch, &present_name(name), source)?;
            let present = column::cast::<BooleanArray>(array, source)?;
            read.present.push(present.iter().map(|value| value.unwrap_or(false)).collect());
        }
        Ok(read)
    }
}
