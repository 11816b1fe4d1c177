//! Puts parquet tables of one schema together, their row groups copied undecoded.

use arrow_schema::SchemaRef;
use mfdoom_error::{Error, Result};

use super::guard::guarded;
use super::open::broken;
use super::reader::TableReader;
use super::row_groups::RowGroups;
use super::sink::{self, Fate};
use super::{TableFormat, TableOptions};
use crate::place::Output;

/// Writer of a parquet file made of the row groups of others; nothing is published before
/// [`finish`](Self::finish). One column of one row group is in memory at a time, whatever the size of the tables.
/// The checksums of pages are checked, and added where a table has none.
pub struct TableCopier {
    writer: RowGroups,
    schema: SchemaRef,
    fate: Fate,
    n_rows: usize,
}

impl TableCopier {
    /// Opens `output` for a table of `schema`.
    ///
    /// # Errors
    /// Those of [`OutputFile::create`](crate::OutputFile::create).
    pub fn create(output: &Output, schema: SchemaRef) -> Result<Self> {
        let (sink, fate) = sink::open(output)?;
        let options = TableOptions::new(TableFormat::Parquet);
        let writer = RowGroups::new(sink, &schema, options).map_err(|error| fate.failure(Box::new(error)))?;
        Ok(Self { writer, schema, fate, n_rows: 0 })
    }

    /// Copies every row group of a table, whose metadata may differ from the schema's.
    ///
    /// # Errors
    /// Contract: a stream, other columns, or a damaged file.
    pub fn append(&mut self, table: &TableReader) -> Result<()> {
        let name = table.name();
        if table.schema().fields() != self.schema.fields() {
            return Err(Error::contract(format!("{name}: other columns than the tables before")));
        }
        let Some(file) = table.parquet() else {
            return Err(Error::contract(format!("{name}: an Arrow stream")).wanted("a parquet file"));
        };
        let metadata = guarded(|| RowGroups::metadata(file)).map_err(|error| broken(name, error))?;
        let metadata = metadata.metadata();
        for group in 0..metadata.num_row_groups() {
            let appended = guarded(|| self.writer.append(file, metadata, group));
            appended
                .map_err(|error| self.fate.failure(error))?
                .map_err(|error| broken(name, Box::new(error)))?;
            self.n_rows += usize::try_from(metadata.row_group(group).num_rows()).unwrap_or_default();
        }
        Ok(())
    }

    /// Publishes the file and returns the number of rows.
    pub fn finish(self) -> Result<usize> {
        let Self { writer, fate, n_rows, .. } = self;
        let sink = writer.into_inner().map_err(|error| fate.failure(Box::new(error)))?;
        fate.commit(sink)?;
        Ok(n_rows)
    }
}
