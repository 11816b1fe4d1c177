//! Puts parquet tables of one schema together, their row groups copied undecoded.

use std::io;

use arrow_schema::SchemaRef;
use mfdoom_error::{Error, Result};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData};
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;

use super::guard::guarded;
use super::open::broken;
use super::parquet_file::Shared;
use super::reader::TableReader;
use super::sink::{self, Fate, Sink};
use super::writer::parquet_writer;
use super::{TableFormat, TableOptions};
use crate::place::Output;

/// Writer of a parquet file made of the row groups of others; nothing is published before
/// [`finish`](Self::finish). A few pages are in memory at a time, whatever the size of the tables.
pub struct TableCopier {
    writer: SerializedFileWriter<Sink>,
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
        let writer =
            parquet_writer(sink, &schema, options).and_then(|writer| writer.into_serialized_writer());
        let (writer, _) = writer.map_err(|error| fate.failure(Box::new(error)))?;
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
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_encoding_stats_as_mask(false);
        let metadata =
            guarded(|| ArrowReaderMetadata::load(file, options)).map_err(|error| broken(name, error))?;
        for group in 0..metadata.metadata().num_row_groups() {
            self.copy(file, metadata.metadata(), group).map_err(|error| {
                // A page that is not there is the fault of what was read, all else of what is written.
                match &error {
                    ParquetError::General(_) | ParquetError::EOF(_) => broken(name, Box::new(error)),
                    _ => self.fate.failure(Box::new(error)),
                }
            })?;
        }
        Ok(())
    }

    fn copy(&mut self, file: &Shared, metadata: &ParquetMetaData, group: usize) -> Result<(), ParquetError> {
        let of = metadata.row_group(group);
        let pages = metadata.page_index_for_row_group(group);
        let mut writer = self.writer.next_row_group()?;
        for (i, column) in of.columns().iter().enumerate() {
            let close = ColumnCloseResult {
                bytes_written: column.compressed_size() as u64,
                rows_written: of.num_rows() as u64,
                metadata: as_written(column)?,
                bloom_filter: None,
                column_index: None,
                offset_index: pages.offset_index(i).cloned(),
            };
            writer.append_column(file, close)?;
        }
        writer.close()?;
        self.n_rows +=
            usize::try_from(of.num_rows()).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
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

/// Returns the metadata of a column as the writer had them: of numbers it notes the least and the largest twice, for
/// readers of old files too, which reading forgets.
fn as_written(column: &ColumnChunkMetaData) -> Result<ColumnChunkMetaData, ParquetError> {
    let twice = column.column_descr().sort_order().is_signed();
    let statistics = column.statistics().cloned().map(|statistics| match statistics {
        Statistics::Int32(values) => Statistics::Int32(values.with_backwards_compatible_min_max(twice)),
        Statistics::Int64(values) => Statistics::Int64(values.with_backwards_compatible_min_max(twice)),
        Statistics::Float(values) => Statistics::Float(values.with_backwards_compatible_min_max(twice)),
        Statistics::Double(values) => Statistics::Double(values.with_backwards_compatible_min_max(twice)),
        other => other,
    });
    match statistics {
        Some(statistics) => column.clone().into_builder().set_statistics(statistics).build(),
        None => Ok(column.clone()),
    }
}
