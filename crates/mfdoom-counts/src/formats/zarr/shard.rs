//! Shards of version 3: files of many chunks, with an index of where each one lies.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::store::{Node, Span};
use crate::codec::crc32c;

/// Bytes of an entry of the index: where a chunk begins, and its bytes.
const ENTRY: usize = 16;
/// What the index has for a chunk that nobody wrote.
const MISSING: u64 = u64::MAX;

/// How the chunks of an array lie in shards.
#[derive(Debug)]
pub(super) struct Shards {
    /// Chunks of a shard, by dimension.
    per: Vec<usize>,
    /// Bytes of the checksum behind the index.
    checksum: usize,
    big: bool,
    at_end: bool,
    /// The index that was read last, and whose.
    last: Mutex<Option<(String, Arc<Vec<u8>>)>>,
}

impl Shards {
    /// Takes the configuration of the codec and the shape of a shard; returns the shape of a chunk too.
    ///
    /// # Errors
    /// What is not read.
    pub(super) fn new(configuration: &Value, shard: &[usize]) -> Result<(Self, Vec<usize>), String> {
        let sizes = configuration["chunk_shape"].as_array().into_iter().flatten();
        let chunk: Vec<usize> = sizes.filter_map(|n| usize::try_from(n.as_u64()?).ok()).collect();
        let fit = chunk.len() == shard.len()
            && chunk.iter().zip(shard).all(|(chunk, shard)| *chunk > 0 && shard % chunk == 0);
        if !fit {
            return Err(format!("chunks of {chunk:?} in shards of {shard:?}"));
        }
        let (mut checksum, mut big) = (0, false);
        for codec in configuration["index_codecs"].as_array().into_iter().flatten() {
            match codec["name"].as_str().unwrap_or_default() {
                "bytes" => big = codec["configuration"]["endian"] == "big",
                "crc32c" => checksum = 4,
                other => return Err(format!("an index packed by '{other}'")),
            }
        }
        let per: Vec<usize> = shard.iter().zip(&chunk).map(|(shard, chunk)| shard / chunk).collect();
        if per.iter().try_fold(ENTRY, |n, len| n.checked_mul(*len)).is_none_or(|bytes| bytes > 1 << 30) {
            return Err(format!("{per:?} chunks in a shard"));
        }
        let at_end = configuration["index_location"] != "start";
        Ok((Self { per, checksum, big, at_end, last: Mutex::new(None) }, chunk))
    }

    /// The numbers of the shard that holds a chunk.
    pub(super) fn shard(&self, chunk: &[usize]) -> Vec<usize> {
        chunk.iter().zip(&self.per).map(|(number, per)| number / per).collect()
    }

    /// Reads the packed bytes of a chunk from the shard of the name `key`; none where nobody wrote it.
    pub(super) fn chunk(&self, node: &Node, key: &str, chunk: &[usize]) -> Result<Option<Vec<u8>>, String> {
        let Some(index) = self.index(node, key)? else { return Ok(None) };
        let place = chunk.iter().zip(&self.per).fold(0, |at, (number, per)| at * per + number % per);
        let word = |at: usize| -> Result<u64, String> {
            let bytes = index.get(at..).and_then(|rest| rest.first_chunk::<8>()).ok_or("cut off")?;
            Ok(if self.big { u64::from_be_bytes(*bytes) } else { u64::from_le_bytes(*bytes) })
        };
        let (start, n) = (word(place * ENTRY)?, word(place * ENTRY + 8)?);
        if (start, n) == (MISSING, MISSING) {
            return Ok(None);
        }
        node.bytes(key, Span::From(start, n)).map_err(|error| error.to_string())
    }

    fn index(&self, node: &Node, key: &str) -> Result<Option<Arc<Vec<u8>>>, String> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((held, index)) = &*last
            && held == key
        {
            return Ok(Some(index.clone()));
        }
        let n = (self.per.iter().product::<usize>() * ENTRY + self.checksum) as u64;
        let span = if self.at_end { Span::Last(n) } else { Span::From(0, n) };
        let Some(index) = node.bytes(key, span).map_err(|error| error.to_string())? else { return Ok(None) };
        let index = Arc::new(if self.checksum > 0 { crc32c::checked(index)? } else { index });
        *last = Some((key.to_owned(), index.clone()));
        Ok(Some(index))
    }
}
