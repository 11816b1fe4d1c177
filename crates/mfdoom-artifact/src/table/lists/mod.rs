//! Lists of ids and of counts as parquet column chunks: what nearly all of a table of tokens is.
//!
//! The parquet crate writes down two levels for every value, hashes every count and starts a new compressor for every
//! page. Here levels are runs, counts are looked up, and pages are packed as they come, with their checksums. Ids
//! (uint32) are stored as differences, counts (float32) by a dictionary as long as it stays small.

mod delta;
mod dictionary;
mod levels;
mod page;
mod runs;
mod statistics;

use std::sync::Arc;

use arrow_array::types::{Float32Type, UInt32Type};
use arrow_array::{Array, ArrayRef, LargeListArray, PrimitiveArray};
use arrow_schema::{DataType, Field};
use parquet::basic::Encoding;
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescriptor;

use self::dictionary::Dictionary;
use self::levels::Levels;
use self::page::Pages;
use self::statistics::Extremes;
use super::row_groups::Chunk;

/// Rows after which a page ends, at the next end of a batch.
const PAGE_ROWS: usize = 256;

/// The column chunk of a list that is being written, of one row group after the other.
pub(super) struct ListColumn {
    descr: Arc<ColumnDescriptor>,
    values: Values,
    levels: Levels,
    pages: Pages,
    extremes: Extremes,
    /// Reused for each page before it is packed.
    body: Vec<u8>,
}

/// The values of the page that is being filled.
enum Values {
    Ids(Vec<u32>),
    Counts { page: Vec<f32>, dictionary: Dictionary },
}

impl ListColumn {
    /// Whether a field is such a list: values of it are never null.
    pub(super) fn fits(field: &Field) -> bool {
        match field.data_type() {
            DataType::LargeList(item) => {
                !item.is_nullable() && matches!(item.data_type(), DataType::UInt32 | DataType::Float32)
            }
            _ => false,
        }
    }

    /// Begins a column.
    pub(super) fn new(field: &Field, descr: Arc<ColumnDescriptor>) -> Result<Self> {
        let values = match field.data_type() {
            DataType::LargeList(item) if *item.data_type() == DataType::UInt32 => Values::Ids(Vec::new()),
            _ => Values::Counts { page: Vec::new(), dictionary: Dictionary::default() },
        };
        let levels = Levels::new(descr.max_def_level());
        Ok(Self {
            descr,
            values,
            levels,
            pages: Pages::new()?,
            extremes: Extremes::default(),
            body: Vec::new(),
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// An array that is no such list.
    pub(super) fn push(&mut self, rows: &ArrayRef) -> Result<()> {
        let lists = rows.as_any().downcast_ref::<LargeListArray>().ok_or_else(|| wrong("not a list"))?;
        let offsets = lists.value_offsets();
        let items = lists.values();
        for row in 0..lists.len() {
            let range = offsets[row] as usize..offsets[row + 1] as usize;
            let present = lists.is_valid(row);
            self.levels.push(present.then_some(range.len()));
            if !present {
                continue;
            }
            match &mut self.values {
                Values::Ids(page) => page.extend_from_slice(
                    &items.as_any().downcast_ref::<PrimitiveArray<UInt32Type>>().ok_or_else(unfit)?.values()
                        [range],
                ),
                Values::Counts { page, .. } => page.extend_from_slice(
                    &items.as_any().downcast_ref::<PrimitiveArray<Float32Type>>().ok_or_else(unfit)?.values()
                        [range],
                ),
            }
        }
        if self.levels.rows() >= PAGE_ROWS { self.end_page() } else { Ok(()) }
    }

    /// Ends the row group and returns its column.
    pub(super) fn finish(&mut self) -> Result<Chunk> {
        if self.levels.rows() > 0 {
            self.end_page()?;
        }
        let dictionary = match &mut self.values {
            Values::Counts { dictionary, .. } => Some(dictionary.take()),
            Values::Ids(_) => None,
        };
        let histograms = self.levels.take_histograms();
        let extremes = std::mem::take(&mut self.extremes);
        let chunk = self.pages.take_chunk(dictionary.as_deref())?;
        let metadata = chunk.metadata(self.descr.clone());
        let metadata =
            metadata.set_statistics(extremes.statistics(&self.descr, histograms.n_without_value()));
        let metadata = histograms.describe(metadata).build()?;
        Ok(chunk.close(metadata, histograms.n_rows()))
    }

    fn end_page(&mut self) -> Result<()> {
        self.body.clear();
        let (rows, n_levels) = self.levels.write(&mut self.body);
        let encoding = match &mut self.values {
            Values::Ids(page) => {
                self.extremes.add_ids(page);
                delta::write(page, &mut self.body);
                page.clear();
                Encoding::DELTA_BINARY_PACKED
            }
            Values::Counts { page, dictionary } => {
                let encoding = match dictionary.look_up(page) {
                    Some(()) => {
                        runs::write_with_width(dictionary.places(), dictionary.width(), &mut self.body);
                        Encoding::RLE_DICTIONARY
                    }
                    None => {
                        self.body.extend(page.iter().flat_map(|value| value.to_le_bytes()));
                        Encoding::PLAIN
                    }
                };
                match encoding {
                    Encoding::PLAIN => self.extremes.add_counts(page),
                    // What a page has is in the dictionary.
                    _ => self.extremes.add_counts(dictionary.fresh()),
                }
                page.clear();
                encoding
            }
        };
        self.pages.add(&self.body, encoding, rows, n_levels)
    }
}

fn unfit() -> ParquetError {
    wrong("a list of other values")
}

fn wrong(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}
