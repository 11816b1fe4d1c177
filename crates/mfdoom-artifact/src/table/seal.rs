//! A checksum of what a parquet file says of itself: columns, metadata, and where its row groups are.
//!
//! Pages have checksums of their own. This one is an entry of the metadata, written last and taken out on reading.

use std::collections::BTreeMap;

use arrow_schema::{Schema, SchemaRef};
use mfdoom_error::{Error, Result};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{ChunkReader, Length};

use super::parquet_file::Shared;

/// Key of the metadata that holds the checksum, in hexadecimal.
pub(super) const CHECKSUM_KEY: &str = "mfdoom.checksum";

/// Returns the CRC-32 of columns, metadata and row groups.
pub(super) fn checksum(schema: &Schema, groups: &[RowGroupMetaData]) -> String {
    let mut hasher = crc32fast::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for field in schema.fields() {
        add(field.name());
        add(&format!("{} {}", field.data_type(), field.is_nullable()));
    }
    let mut metadata: Vec<(String, String)> =
        schema.metadata().iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    metadata.retain(|(key, _)| key != CHECKSUM_KEY);
    metadata.sort_unstable();
    for (key, value) in &metadata {
        add(key);
        add(value);
    }
    for group in groups {
        add(&group.num_rows().to_string());
        for column in group.columns() {
            let first = (column.dictionary_page_offset(), column.data_page_offset());
            add(&format!("{first:?} {} {}", column.compressed_size(), column.num_values()));
        }
    }
    format!("{:08x}", hasher.finalize())
}

/// Checks the checksum of a file that has one, and returns the schema without it.
///
/// # Errors
/// Contract, when it is wrong, or when the footer names it and the metadata that were read from it do not: a damaged
/// footer may end before them.
pub(super) fn open(
    file: &Shared,
    schema: &SchemaRef,
    groups: &[RowGroupMetaData],
    name: &str,
) -> Result<SchemaRef> {
    let Some(wanted) = schema.metadata().get(CHECKSUM_KEY).map(|value| value.to_string()) else {
        return match is_named(file) {
            true => Err(Error::contract(format!("{name}: damaged"))
                .found("a footer that is not read to its end")
                .help("copy the file again, or make it again")),
            false => Ok(schema.clone()),
        };
    };
    let found = checksum(schema, groups);
    if found != wanted {
        return Err(Error::contract(format!("{name}: damaged"))
            .found(format!("checksum {found} of columns, metadata and row groups"))
            .wanted(wanted)
            .help("copy the file again, or make it again"));
    }
    let kept = schema.metadata().iter().filter(|(key, _)| *key != CHECKSUM_KEY);
    let metadata: BTreeMap<String, String> =
        kept.map(|(key, value)| (key.to_string(), value.to_string())).collect();
    Ok(Schema::new(schema.fields().clone()).with_metadata(metadata).into())
}

/// Returns whether the bytes of the footer name the checksum.
fn is_named(file: &Shared) -> bool {
    // Behind the footer stand its length and the mark PAR1.
    let named = || -> Option<bool> {
        let end = file.len().checked_sub(8)?;
        let len = file.get_bytes(end, 4).ok()?;
        let len = u64::from(u32::from_le_bytes(len.as_ref().try_into().ok()?));
        let footer = file.get_bytes(end.checked_sub(len)?, usize::try_from(len).ok()?).ok()?;
        Some(footer.windows(CHECKSUM_KEY.len()).any(|bytes| bytes == CHECKSUM_KEY.as_bytes()))
    };
    named().unwrap_or(false)
}
