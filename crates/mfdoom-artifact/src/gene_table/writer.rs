//! Writes a gene table block by block.

use mfdoom_error::Result;

use super::batch::GeneBatch;
use super::schema::GeneTableSchema;
use crate::place::Output;
use crate::table::{TableFormat, TableOptions, TableWriter};

/// Most values of one column in a row group: 32 MiB of float32.
pub const ROW_GROUP_VALUES: usize = 1 << 23;

/// Writer of a gene table; nothing is published before [`finish`](Self::finish).
pub struct GeneTableWriter {
    schema: GeneTableSchema,
    table: TableWriter,
    block_rows: usize,
}

impl GeneTableWriter {
    /// Opens `output`; row groups depend on the number of genes only.
    ///
    /// # Errors
    /// Those of [`TableWriter::create`].
    pub fn create(output: &Output, schema: GeneTableSchema, format: TableFormat) -> Result<Self> {
        let block_rows = (ROW_GROUP_VALUES / schema.genes.len().max(1)).clamp(64, 2048);
        let options = TableOptions { row_group_rows: block_rows, ..TableOptions::new(format) };
        let table = TableWriter::create(output, schema.to_arrow(), options)?;
        Ok(Self { schema, table, block_rows })
    }

    /// Returns the schema.
    pub fn schema(&self) -> &GeneTableSchema {
        &self.schema
    }

    /// Returns the rows of a row group, a good size for blocks.
    pub fn block_rows(&self) -> usize {
        self.block_rows
    }

    /// Writes the values of a block of cells.
    pub fn write(&mut self, batch: GeneBatch) -> Result<()> {
        self.table.write(&batch.into_arrow(&self.schema)?)
    }

    /// Publishes the table and returns the number of cells.
    pub fn finish(self) -> Result<usize> {
        self.table.finish()
    }
}
