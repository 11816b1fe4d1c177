//! Writes a table batch by batch.

use std::io::Write;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Schema, SchemaRef};
use mfdoom_error::Result;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use super::TableFormat;
use super::parquet_table::ParquetTable;
use super::sink::{self, BoxError, Fate, Sink};
use crate::key::CELL_ID;
use crate::place::Output;

/// Form and row group size of a table.
#[derive(Clone, Copy, Debug)]
pub struct TableOptions {
    /// Parquet or IPC.
    pub format: TableFormat,
    /// Rows per row group of a parquet file; what a writer holds in memory, compressed.
    pub row_group_rows: usize,
}

impl TableOptions {
    /// Returns options for `format` with row groups of 2,048 rows.
    pub fn new(format: TableFormat) -> Self {
        Self { format, row_group_rows: 2048 }
    }
}

/// Writer of a table; nothing is published before [`finish`](Self::finish).
pub struct TableWriter {
    form: Form,
    fate: Fate,
    n_rows: usize,
}

enum Form {
    Parquet(Box<ParquetTable>),
    Ipc(Box<StreamWriter<Sink>>),
}

impl TableWriter {
    /// Opens `output` and writes the schema with its metadata.
    ///
    /// # Errors
    /// Those of [`OutputFile::create`]; a closed pipe.
    pub fn create(output: &Output, schema: SchemaRef, options: TableOptions) -> Result<Self> {
        let (sink, fate) = sink::open(output)?;
        let form = match options.format {
            TableFormat::Parquet => ParquetTable::new(sink, &schema, options)
                .map(|writer| Form::Parquet(Box::new(writer)))
                .map_err(Box::from),
            TableFormat::Ipc => ipc_form(sink, &schema).map_err(Box::from),
        };
        let form = form.map_err(|error| fate.failure(error))?;
        Ok(Self { form, fate, n_rows: 0 })
    }

    /// Writes a batch of the table's schema; to a stream it is flushed.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let written: Result<(), BoxError> = match &mut self.form {
            Form::Parquet(writer) => writer.write(batch).map_err(Box::from),
            Form::Ipc(writer) => writer.write(batch).and_then(|()| writer.flush()).map_err(Box::from),
        };
        written.map_err(|error| self.fate.failure(error))?;
        self.n_rows += batch.num_rows();
        Ok(())
    }

    /// Returns the number of rows written.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Writes what is left, publishes the file and returns the number of rows.
    pub fn finish(self) -> Result<usize> {
        let Self { form, fate, n_rows } = self;
        let ended: Result<Sink, BoxError> = match form {
            Form::Parquet(writer) => writer.finish().map_err(Box::from),
            Form::Ipc(writer) => writer.into_inner().map_err(Box::from),
        };
        fate.commit(ended.map_err(|error| fate.failure(error))?)?;
        Ok(n_rows)
    }
}

fn ipc_form(sink: Sink, schema: &Schema) -> Result<Form, arrow_schema::ArrowError> {
    let mut writer = StreamWriter::try_new(sink, schema)?;
    writer.flush()?;
    Ok(Form::Ipc(Box::new(writer)))
}

/// Returns the writer of a parquet file.
///
/// The metadata is stored twice: in parquet's key-value list, where DuckDB and polars look, and in the Arrow
/// schema next to it, where pyarrow does.
pub(super) fn parquet_writer<W: Write + Send>(
    sink: W,
    schema: &SchemaRef,
    options: TableOptions,
) -> Result<ArrowWriter<W>, ParquetError> {
    let metadata =
        schema.metadata().iter().map(|(key, value)| KeyValue::new(key.to_string(), value.to_string()));
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("mfdoom version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(options.row_group_rows))
        .set_key_value_metadata(Some(metadata.collect()));
    for field in schema.fields() {
        let items = ColumnPath::new(vec![field.name().clone(), "list".into(), "item".into()]);
        let scalars = ColumnPath::new(vec![field.name().clone()]);
        properties = match field.data_type() {
            // Ascending ids: differences are small.
            DataType::LargeList(item) if *item.data_type() == DataType::UInt32 => {
                as_differences(properties, items)
            }
            DataType::UInt32 => as_differences(properties, scalars),
            // Dense numbers do not repeat and hardly shrink (velocities by 6 %), while packing them took a fifth
            // of a fit; and nobody looks for an embedding by its extremes.
            DataType::FixedSizeList(..) => properties
                .set_column_statistics_enabled(items.clone(), EnabledStatistics::None)
                .set_column_compression(items.clone(), Compression::UNCOMPRESSED)
                .set_column_dictionary_enabled(items, false),
            DataType::Float32 | DataType::Float64 => properties.set_column_dictionary_enabled(scalars, false),
            // Neither do names of cells.
            DataType::Utf8 if field.name() == CELL_ID => {
                properties.set_column_dictionary_enabled(scalars, false)
            }
            _ => properties,
        };
    }
    ArrowWriter::try_new(sink, schema.clone(), Some(properties.build()))
}

fn as_differences(properties: WriterPropertiesBuilder, column: ColumnPath) -> WriterPropertiesBuilder {
    properties
        .set_column_dictionary_enabled(column.clone(), false)
        .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
}
