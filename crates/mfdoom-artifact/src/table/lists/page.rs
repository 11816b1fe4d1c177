//! Pages of a column chunk: packed as they come, each behind its header with a checksum.

use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnChunkMetaDataBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use crate::table::pages::{write_varint, zigzag};
use crate::table::row_groups::Chunk;

/// The pages of a column chunk that is being written.
pub(super) struct Pages {
    compressor: Compressor<'static>,
    packed: Vec<u8>,
    chunk: MadeChunk,
}

/// A column chunk and what its metadata say.
#[derive(Default)]
pub(super) struct MadeChunk {
    bytes: Vec<u8>,
    /// Length of the dictionary page in front.
    dictionary: Option<usize>,
    /// Bytes that the pages have unpacked, with their headers.
    unpacked: usize,
    /// Of each data page, its length, rows and encoding.
    pages: Vec<(usize, usize, Encoding)>,
}

impl Pages {
    /// Begins a column chunk.
    pub(super) fn new() -> Result<Self> {
        let level = ZstdLevel::default().compression_level();
        let compressor = Compressor::new(level).map_err(ParquetError::from)?;
        Ok(Self { compressor, packed: Vec::new(), chunk: MadeChunk::default() })
    }

    /// Adds a data page.
    pub(super) fn add(
        &mut self,
        body: &[u8],
        encoding: Encoding,
        rows: usize,
        n_levels: usize,
    ) -> Result<()> {
        let len = self.append(body, PageType::DATA_PAGE, encoding, n_levels)?;
        self.chunk.pages.push((len, rows, encoding));
        Ok(())
    }

    /// Returns the column chunk, a dictionary in front, and begins anew.
    pub(super) fn take_chunk(&mut self, dictionary: Option<&[f32]>) -> Result<MadeChunk> {
        if let Some(values) = dictionary {
            let pages = std::mem::take(&mut self.chunk.bytes);
            self.chunk.bytes.reserve(pages.len() + 4 * values.len() + 64);
            let body: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let len = self.append(&body, PageType::DICTIONARY_PAGE, Encoding::PLAIN, values.len())?;
            self.chunk.dictionary = Some(len);
            self.chunk.bytes.extend_from_slice(&pages);
        }
        Ok(std::mem::take(&mut self.chunk))
    }

    /// Packs a page and returns its length with the header.
    fn append(&mut self, body: &[u8], kind: PageType, encoding: Encoding, n: usize) -> Result<usize> {
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(body.len()));
        self.compressor.compress_to_buffer(body, &mut self.packed)?;
        let before = self.chunk.bytes.len();
        let crc = crc32fast::hash(&self.packed);
        let sizes = [number(body.len())?, number(self.packed.len())?];
        let header = Header { kind, encoding, n: number(n)?, sizes, crc };
        header.write(&mut self.chunk.bytes);
        let header = self.chunk.bytes.len() - before;
        self.chunk.bytes.extend_from_slice(&self.packed);
        self.chunk.unpacked += header + body.len();
        Ok(header + self.packed.len())
    }
}

impl MadeChunk {
    /// Begins the metadata of the column chunk, whose first byte counts as 0.
    pub(super) fn metadata(&self, descr: ColumnDescPtr) -> ColumnChunkMetaDataBuilder {
        let mut encodings = vec![Encoding::RLE];
        let mut stats: Vec<PageEncodingStats> = Vec::new();
        if self.dictionary.is_some() {
            encodings.push(Encoding::PLAIN);
            stats.push(counted(PageType::DICTIONARY_PAGE, Encoding::PLAIN));
        }
        for (_, _, encoding) in &self.pages {
            match stats.last_mut() {
                Some(last) if last.page_type == PageType::DATA_PAGE && last.encoding == *encoding => {
                    last.count += 1
                }
                _ => stats.push(counted(PageType::DATA_PAGE, *encoding)),
            }
            encodings.push(*encoding);
        }
        ColumnChunkMetaData::builder(descr)
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_encodings(encodings)
            .set_page_encoding_stats(stats)
            .set_total_compressed_size(self.bytes.len() as i64)
            .set_total_uncompressed_size(self.unpacked as i64)
            .set_dictionary_page_offset(self.dictionary.map(|_| 0))
            .set_data_page_offset(self.dictionary.unwrap_or(0) as i64)
    }

    /// Returns the column chunk as a row group takes it.
    pub(super) fn close(self, metadata: ColumnChunkMetaData, rows: u64) -> Chunk {
        let mut index = OffsetIndexBuilder::new();
        let mut at = self.dictionary.unwrap_or(0);
        for (len, rows, _) in &self.pages {
            index.append_row_count(*rows as i64);
            index.append_offset_and_size(at as i64, *len as i32);
            at += len;
        }
        let close = ColumnCloseResult {
            bytes_written: self.bytes.len() as u64,
            rows_written: rows,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: Some(index.build()),
        };
        Chunk { bytes: self.bytes, close }
    }
}

fn counted(page_type: PageType, encoding: Encoding) -> PageEncodingStats {
    PageEncodingStats { page_type, encoding, count: 1 }
}

fn number(n: usize) -> Result<i32> {
    i32::try_from(n)
        .map_err(|_| ParquetError::General("a page has more than 2^31 bytes or values".to_owned()))
}

/// What a page says of itself.
struct Header {
    kind: PageType,
    encoding: Encoding,
    /// Number of values.
    n: i32,
    /// Bytes unpacked and packed.
    sizes: [i32; 2],
    crc: u32,
}

impl Header {
    /// Writes a `PageHeader` in Thrift's compact protocol.
    fn write(&self, to: &mut Vec<u8>) {
        let Self { kind, encoding, n, sizes, crc } = *self;
        /// A field that follows the last one, and one that is two further on.
        const NEXT_I32: u8 = 0x15;
        const NEXT_STRUCT: u8 = 0x1c;
        const THIRD_STRUCT: u8 = 0x3c;
        let number = |value: i32, to: &mut Vec<u8>| {
            to.push(NEXT_I32);
            write_varint(zigzag(value), to);
        };
        number(kind as i32, to);
        sizes.iter().for_each(|size| number(*size, to));
        number(crc as i32, to);
        to.push(if kind == PageType::DICTIONARY_PAGE { THIRD_STRUCT } else { NEXT_STRUCT });
        number(n, to);
        number(encoding as i32, to);
        if kind == PageType::DATA_PAGE {
            number(Encoding::RLE as i32, to);
            number(Encoding::RLE as i32, to);
        }
        to.extend_from_slice(&[0, 0]);
    }
}
