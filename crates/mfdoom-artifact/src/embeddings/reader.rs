//! Reads embeddings block by block.

use mfdoom_error::Result;

use super::batch::EmbeddingBatch;
use super::schema::EmbeddingSchema;
use crate::key::KeySet;
use crate::place::Input;
use crate::table::TableReader;

/// Reader of an embeddings table; an iterator over blocks of cells.
pub struct EmbeddingReader {
    schema: EmbeddingSchema,
    table: TableReader,
    keys: KeySet,
}

impl EmbeddingReader {
    /// Opens a table and checks its schema.
    ///
    /// # Errors
    /// Those of [`TableReader::open`] and [`EmbeddingSchema::from_arrow`].
    pub fn open(input: &Input) -> Result<Self> {
        let table = TableReader::open(input)?;
        let schema = EmbeddingSchema::from_arrow(table.schema(), table.name())?;
        Ok(Self { schema, table, keys: KeySet::default() })
    }

    /// Returns the schema.
    pub fn schema(&self) -> &EmbeddingSchema {
        &self.schema
    }

    fn read(&mut self, batch: &arrow_array::RecordBatch) -> Result<EmbeddingBatch> {
        let read = EmbeddingBatch::from_arrow(batch, &self.schema, self.table.name())?;
        for (dataset, cell_id) in read.dataset.iter().zip(&read.cell_id) {
            self.keys.add(dataset, cell_id, self.table.name())?;
        }
        Ok(read)
    }
}

impl Iterator for EmbeddingReader {
    type Item = Result<EmbeddingBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.table.next()?;
        Some(batch.and_then(|batch| self.read(&batch)))
    }
}
