//! Writes a token table block by block.

use arrow_schema::SchemaRef;
use mfdoom_artifact::{KeySet, Output, TableFormat, TableOptions, TableWriter};
use mfdoom_error::{Error, Result};

use super::arrow::to_arrow;
use crate::schema::TokenSchema;
use crate::tokens::TokenBatch;

/// Cells per row group of a parquet file: what a reader or writer holds of it at once.
pub const ROW_GROUP_CELLS: usize = 2048;

/// Writer of a token table; nothing is published before [`finish`](Self::finish).
pub struct TokenWriter {
    schema: SchemaRef,
    table: TableWriter,
    keys: KeySet,
    modalities: Vec<String>,
    name: String,
}

impl TokenWriter {
    /// Opens `output`: an Arrow IPC stream on a pipe or for a name such as `.arrows`, else parquet.
    pub fn create(output: &Output, schema: &TokenSchema) -> Result<Self> {
        Self::create_as(output, schema, TableFormat::for_pipes(output))
    }

    /// Opens `output` in a given form.
    pub fn create_as(output: &Output, schema: &TokenSchema, format: TableFormat) -> Result<Self> {
        let modalities = schema.modalities.clone();
        let schema = schema.to_arrow();
        let options = TableOptions { format, row_group_rows: ROW_GROUP_CELLS };
        let table = TableWriter::create(output, schema.clone(), options)?;
        Ok(Self { schema, table, keys: KeySet::default(), modalities, name: output.to_string() })
    }

    /// Writes a block of cells; to a stream it is flushed.
    ///
    /// # Errors
    /// Contract, when a cell was written before, or counts that were added up are beyond float32.
    pub fn write(&mut self, batch: &TokenBatch) -> Result<()> {
        self.put(batch.clone())
    }

    /// As [`write`](Self::write), for a block that nobody needs afterwards.
    pub fn put(&mut self, batch: TokenBatch) -> Result<()> {
        for (dataset, cell_id) in batch.dataset.iter().zip(&batch.cell_id) {
            self.keys.add(dataset, cell_id, &self.name)?;
        }
        self.check_sums(&batch)?;
        self.table.write(&to_arrow(batch, &self.schema)?)
    }

    /// Checks that counts are finite: each was, but not perhaps the sum of two.
    fn check_sums(&self, batch: &TokenBatch) -> Result<()> {
        for (modality, tokens) in self.modalities.iter().zip(&batch.modalities) {
            let Some(at) = tokens.count.iter().position(|count| !count.is_finite()) else { continue };
            let row = tokens.offsets.partition_point(|start| *start <= at).saturating_sub(1);
            return Err(Error::contract("counts that are added up are beyond all numbers of the table")
                .found(format!(
                    "{} in {modality} of cell {:?} of {:?}",
                    tokens.count[at], batch.cell_id[row], batch.dataset[row]
                ))
                .wanted(format!("sums up to {:e}, the largest float32", f32::MAX))
                .help("see whether these are counts: --allow-non-integer takes any values from 0"));
        }
        Ok(())
    }

    /// Publishes the table and returns the number of cells.
    pub fn finish(self) -> Result<usize> {
        self.table.finish()
    }
}
