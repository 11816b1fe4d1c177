//! What packs the chunks of arrays: zstd, gzip, LZ4, Blosc, checksums.

use std::io::Read;

use serde_json::Value;

use crate::codec::deflate::{Frame, Inflating};
use crate::codec::{blosc, crc32c, lz4, zstd};

/// Most bytes that a chunk may unpack to.
const MAX_CHUNK: u64 = 1 << 31;

/// One step of packing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Zstd,
    Gzip,
    Zlib,
    /// With the unpacked size before it, as numcodecs writes it.
    Lz4,
    Blosc,
    /// A checksum of four bytes behind the data.
    Crc32c,
    /// Another one before the data, as numcodecs writes it.
    Crc32,
}

impl Codec {
    /// Takes the codec of a name in metadata; `None` for one that is not read.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "zstd" | "numcodecs.zstd" => Self::Zstd,
            "gzip" | "numcodecs.gzip" => Self::Gzip,
            "zlib" | "numcodecs.zlib" => Self::Zlib,
            "lz4" | "numcodecs.lz4" => Self::Lz4,
            "blosc" | "numcodecs.blosc" => Self::Blosc,
            "crc32c" => Self::Crc32c,
            "crc32" | "numcodecs.crc32" => Self::Crc32,
            _ => return None,
        })
    }

    /// Takes the codec that metadata describe as `{"id": ...}` or `{"name": ...}`.
    pub(super) fn of(metadata: &Value) -> Result<Self, String> {
        let name =
            metadata.get("id").or_else(|| metadata.get("name")).and_then(Value::as_str).unwrap_or_default();
        Self::named(name).ok_or_else(|| format!("packed by '{name}'"))
    }

    /// Unpacks bytes.
    pub(super) fn unpack(self, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        let all = |reader: &mut dyn Read| {
            let mut out = Vec::new();
            reader.take(MAX_CHUNK).read_to_end(&mut out).map_err(|error| error.to_string())?;
            Ok(out)
        };
        match self {
            Self::Zstd => zstd::unpack(&bytes, MAX_CHUNK),
            Self::Gzip => all(&mut Inflating::new(bytes.as_slice(), Frame::Gzip)),
            Self::Zlib => all(&mut Inflating::new(bytes.as_slice(), Frame::Zlib)),
            Self::Lz4 => match bytes.split_first_chunk::<4>() {
                Some((size, data)) => lz4::unpack(data, u32::from_le_bytes(*size) as usize),
                None => Err("too short".to_owned()),
            },
            Self::Blosc => blosc::unpack(&bytes),
            Self::Crc32c => crc32c::checked(bytes),
            Self::Crc32 => match bytes.split_first_chunk::<4>() {
                Some((sum, data)) if crc32fast::hash(data) == u32::from_le_bytes(*sum) => Ok(data.to_vec()),
                _ => Err("another checksum than it has".to_owned()),
            },
        }
    }
}
