//! Zstandard.

use std::io::Read;

/// Unpacks a frame of at most so many bytes.
pub(crate) fn unpack(bytes: &[u8], most: u64) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let decoder = ::zstd::Decoder::new(bytes).map_err(|error| error.to_string())?;
    decoder.take(most).read_to_end(&mut out).map_err(|error| error.to_string())?;
    Ok(out)
}
