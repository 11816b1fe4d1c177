//! Values of a block of cells, and their Arrow form.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use mfdoom_error::{Error, Result};

use super::schema::GeneTableSchema;
use crate::column::Column;
use crate::key::{CELL_ID, DATASET};
use crate::table::vectors::{self, Gaps};
use crate::table::{column, internal};

/// Values of n cells and G genes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GeneBatch {
    /// Data set of each cell, [n].
    pub dataset: Vec<String>,
    /// Id of each cell within its data set, [n].
    pub cell_id: Vec<String>,
    /// Obs columns in the order of the schema, each [n].
    pub obs: Vec<Column>,
    /// Matrices in the order of the schema, each [n, G] row by row; NaN where there is no value.
    pub matrices: Vec<Vec<f32>>,
}

impl GeneBatch {
    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        self.cell_id.len()
    }

    /// Returns whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.cell_id.is_empty()
    }

    /// Returns the cells in `rows`.
    ///
    /// # Panics
    /// When there are no such rows.
    pub fn rows(&self, rows: Range<usize>) -> Self {
        let numbers: Vec<usize> = rows.clone().collect();
        let n = self.len().max(1);
        let own = |values: &Vec<f32>| {
            let genes = values.len() / n;
            values[rows.start * genes..rows.end * genes].to_vec()
        };
        Self {
            dataset: self.dataset[rows.clone()].to_vec(),
            cell_id: self.cell_id[rows.clone()].to_vec(),
            obs: self.obs.iter().map(|column| column.take(&numbers)).collect(),
            matrices: self.matrices.iter().map(own).collect(),
        }
    }

    /// Turns the block into a record batch.
    ///
    /// # Errors
    /// Failed, when the parts do not fit the schema.
    pub fn into_arrow(self, schema: &GeneTableSchema) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(&self.dataset)),
            Arc::new(StringArray::from_iter_values(&self.cell_id)),
        ];
        columns.extend(self.obs.iter().map(Column::to_arrow));
        for values in self.matrices {
            columns.push(vectors::to_list(values, schema.genes.len())?);
        }
        RecordBatch::try_new(schema.to_arrow(), columns).map_err(internal)
    }

    /// Reads a record batch of `schema`; `source` names the table in messages.
    ///
    /// # Errors
    /// Contract, when a column has another type, the key holds nulls or a vector is missing.
    pub fn from_arrow(batch: &RecordBatch, schema: &GeneTableSchema, source: &str) -> Result<Self> {
        let text = |name| -> Result<Vec<String>> {
            let values = column::strings(column::by_name(batch, name, source)?, source)?;
            let all: Option<Vec<String>> = values.into_iter().collect();
            all.ok_or_else(|| Error::contract(format!("{source}: column {name:?} holds nulls")))
        };
        let mut read = Self { dataset: text(DATASET)?, cell_id: text(CELL_ID)?, ..Self::default() };
        for field in &schema.obs {
            let array = column::by_name(batch, &field.name, source)?;
            read.obs.push(Column::from_any_arrow(array, source)?);
        }
        for name in &schema.matrices {
            let array = column::by_name(batch, name, source)?;
            let place = format!("{source}: {name}");
            read.matrices.push(vectors::from_list(array, schema.genes.len(), Gaps::Nan, &place)?);
        }
        Ok(read)
    }
}
