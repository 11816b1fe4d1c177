//! Reads embeddings block by block.

use arrow_array::RecordBatch;
use mfdoom_error::Result;

use super::batch::EmbeddingBatch;
use super::foreign;
use super::safetensors::{SafetensorsReader, is_safetensors};
use super::schema::EmbeddingSchema;
use crate::key::KeySet;
use crate::place::Input;
use crate::table::{FORMAT_KEY, TableReader};

/// Reader of embeddings in any form; an iterator over blocks of cells. No cell may come twice.
///
/// A table that MFDOOM did not write is read too: its columns of lists of floats of one length are the heads, its
/// scalar columns obs columns, the manifest is empty, and without `cell_id` the row number stands in.
pub struct EmbeddingReader {
    schema: EmbeddingSchema,
    source: EmbeddingForm,
    keys: KeySet,
}

enum EmbeddingForm {
    Table(TableReader),
    /// A table of others, and its first batch, which had to be read to know the lengths of its vectors.
    Foreign(TableReader, Option<RecordBatch>),
    Safetensors(Box<SafetensorsReader>),
}

impl EmbeddingReader {
    /// Opens a table or safetensors file and checks its schema.
    ///
    /// # Errors
    /// Those of [`TableReader::open`] and [`EmbeddingSchema::from_arrow`].
    pub fn open(input: &Input) -> Result<Self> {
        let keys = KeySet::default();
        if let Input::Path(path) = input
            && is_safetensors(path)
        {
            let (schema, reader) = SafetensorsReader::open(path)?;
            return Ok(Self { schema, source: EmbeddingForm::Safetensors(Box::new(reader)), keys });
        }
        let mut table = TableReader::open(input)?;
        if table.metadata(FORMAT_KEY).is_none() {
            let first = table.next().transpose()?;
            let schema = foreign::schema(table.schema(), first.as_ref(), table.name())?;
            return Ok(Self { schema, source: EmbeddingForm::Foreign(table, first), keys });
        }
        let schema = EmbeddingSchema::from_arrow(table.schema(), table.name())?;
        Ok(Self { schema, source: EmbeddingForm::Table(table), keys })
    }

    /// Returns the schema.
    pub fn schema(&self) -> &EmbeddingSchema {
        &self.schema
    }

    fn read(&mut self) -> Option<Result<EmbeddingBatch>> {
        let (schema, first) = (&self.schema, self.keys.len());
        let decode = |batch: RecordBatch, name: &str| EmbeddingBatch::from_arrow(&batch, schema, name);
        match &mut self.source {
            EmbeddingForm::Table(table) => {
                let batch = table.next()?;
                Some(batch.and_then(|batch| decode(batch, table.name())))
            }
            EmbeddingForm::Foreign(table, begun) => {
                let batch = begun.take().map(Ok).or_else(|| table.next())?;
                Some(batch.and_then(|batch| foreign::batch(&batch, schema, first, table.name())))
            }
            EmbeddingForm::Safetensors(reader) => reader.next(),
        }
    }

    fn check_keys(&mut self, batch: EmbeddingBatch) -> Result<EmbeddingBatch> {
        for (dataset, cell_id) in batch.dataset.iter().zip(&batch.cell_id) {
            self.keys.add(dataset, cell_id, "embeddings")?;
        }
        Ok(batch)
    }
}

impl Iterator for EmbeddingReader {
    type Item = Result<EmbeddingBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.read()?;
        Some(batch.and_then(|batch| self.check_keys(batch)))
    }
}
