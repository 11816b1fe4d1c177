//! A parquet file made of whole row groups, each page with its checksum.

use arrow_schema::SchemaRef;
use bytes::Bytes;
use mfdoom_error::Result;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;

use super::pages::{Checked, with_checksums};
use super::sink::Sink;
use super::writer::parquet_writer;
use super::{TableOptions, seal};

/// Writer of a parquet file made of the row groups of others. One column of one row group is in memory at a time.
pub(super) struct RowGroups {
    writer: SerializedFileWriter<Sink>,
    schema: SchemaRef,
}

/// A column chunk, which begins at 0, and what its row group is told of it.
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    pub(super) close: ColumnCloseResult,
}

impl RowGroups {
    /// Begins a file.
    pub(super) fn new(
        sink: Sink,
        schema: &SchemaRef,
        options: TableOptions,
    ) -> std::result::Result<Self, ParquetError> {
        let (writer, _) = parquet_writer(sink, schema, options)?.into_serialized_writer()?;
        Ok(Self { writer, schema: schema.clone() })
    }

    /// Reads where the row groups of a file and their pages are.
    pub(super) fn metadata(
        file: &impl ChunkReader,
    ) -> std::result::Result<ArrowReaderMetadata, ParquetError> {
        let options = ArrowReaderOptions::new()
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_encoding_stats_as_mask(false);
        ArrowReaderMetadata::load(file, options)
    }

    /// Copies a row group. `Err` inside is the fault of the file that is read, `Err` outside of what is written.
    pub(super) fn append(
        &mut self,
        file: &impl ChunkReader,
        metadata: &ParquetMetaData,
        group: usize,
    ) -> std::result::Result<Result<(), ParquetError>, ParquetError> {
        let mut writer = self.writer.next_row_group()?;
        for column in 0..metadata.row_group(group).columns().len() {
            match copied(file, metadata, group, column) {
                Ok(Chunk { bytes, close }) => writer.append_column(&Bytes::from(bytes), close)?,
                Err(error) => return Ok(Err(error)),
            }
        }
        writer.close()?;
        Ok(Ok(()))
    }

    /// Writes a row group of these columns.
    pub(super) fn append_chunks(&mut self, chunks: Vec<Chunk>) -> std::result::Result<(), ParquetError> {
        let mut writer = self.writer.next_row_group()?;
        for Chunk { bytes, close } in chunks {
            writer.append_column(&Bytes::from(bytes), close)?;
        }
        writer.close().map(drop)
    }

    /// The columns of the file.
    pub(super) fn columns(&self) -> &[ColumnDescPtr] {
        self.writer.schema_descr().columns()
    }

    /// Ends the file.
    pub(super) fn into_inner(mut self) -> std::result::Result<Sink, ParquetError> {
        let sum = seal::checksum(&self.schema, self.writer.flushed_row_groups());
        self.writer.append_key_value_metadata(KeyValue::new(seal::CHECKSUM_KEY.to_owned(), sum));
        self.writer.into_inner()
    }
}

/// Reads a column of a row group; its pages have checksums then.
pub(super) fn copied(
    file: &impl ChunkReader,
    metadata: &ParquetMetaData,
    group: usize,
    column: usize,
) -> Result<Chunk, ParquetError> {
    let (of, pages) = (metadata.row_group(group), metadata.page_index_for_row_group(group));
    let described = of.column(column);
    let chunk = read_chunk(file, described)?;
    let close = ColumnCloseResult {
        bytes_written: chunk.bytes.len() as u64,
        rows_written: of.num_rows() as u64,
        metadata: moved(described, &chunk)?,
        bloom_filter: None,
        column_index: None,
        offset_index: pages.offset_index(column).map(|index| moved_index(index, described, &chunk)),
    };
    Ok(Chunk { bytes: chunk.bytes, close })
}

/// Reads the pages of a column and sees to their checksums.
fn read_chunk(file: &impl ChunkReader, column: &ColumnChunkMetaData) -> Result<Checked, ParquetError> {
    let (start, len) = column.byte_range();
    let len = usize::try_from(len).map_err(|error| ParquetError::General(error.to_string()))?;
    with_checksums(&file.get_bytes(start, len)?)
}

/// Returns the metadata of a column whose pages are now those of `chunk`, which begins at 0.
///
/// They are as the writer had them: of numbers it notes the least and the largest twice, for readers of old files
/// too, which reading forgets.
fn moved(column: &ColumnChunkMetaData, chunk: &Checked) -> Result<ColumnChunkMetaData, ParquetError> {
    let (start, len) = column.byte_range();
    let place = |offset: i64| place(offset, start, chunk);
    let twice = column.column_descr().sort_order().is_signed();
    let statistics = column.statistics().cloned().map(|statistics| match statistics {
        Statistics::Int32(values) => Statistics::Int32(values.with_backwards_compatible_min_max(twice)),
        Statistics::Int64(values) => Statistics::Int64(values.with_backwards_compatible_min_max(twice)),
        Statistics::Float(values) => Statistics::Float(values.with_backwards_compatible_min_max(twice)),
        Statistics::Double(values) => Statistics::Double(values.with_backwards_compatible_min_max(twice)),
        other => other,
    });
    let added = chunk.bytes.len() as i64 - len as i64;
    let builder = column
        .clone()
        .into_builder()
        .set_data_page_offset(place(column.data_page_offset()))
        .set_dictionary_page_offset(column.dictionary_page_offset().map(place))
        .set_total_compressed_size(column.compressed_size() + added)
        .set_total_uncompressed_size(column.uncompressed_size() + added);
    match statistics {
        Some(statistics) => builder.set_statistics(statistics).build(),
        None => builder.build(),
    }
}

/// Returns where pages are now.
fn moved_index(
    index: &OffsetIndexMetaData,
    column: &ColumnChunkMetaData,
    chunk: &Checked,
) -> OffsetIndexMetaData {
    let (start, _) = column.byte_range();
    let mut index = index.clone();
    for location in &mut index.page_locations {
        let from = location.offset - start as i64;
        if let Some(page) = chunk.pages.iter().find(|page| page.from as i64 == from) {
            location.offset = page.to as i64;
            location.compressed_page_size = page.len as i32;
        }
    }
    index
}

fn place(offset: i64, start: u64, chunk: &Checked) -> i64 {
    let from = offset - start as i64;
    chunk.pages.iter().find(|page| page.from as i64 == from).map_or(from, |page| page.to as i64)
}
