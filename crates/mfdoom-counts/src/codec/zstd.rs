//! Zstandard.

use std::io::Read;

/// Most bytes that are made room for because a frame says so.
const BELIEVED: u64 = 64 << 20;

/// Unpacks a frame of at most so many bytes.
pub(crate) fn unpack(bytes: &[u8], most: u64) -> Result<Vec<u8>, String> {
    let said = ::zstd::zstd_safe::get_frame_content_size(bytes).ok().flatten();
    if let Some(size) = said.filter(|size| *size <= most.min(BELIEVED))
        && let Ok(out) = ::zstd::bulk::decompress(bytes, size as usize)
    {
        return Ok(out);
    }
    let mut out = Vec::new();
    let decoder = ::zstd::Decoder::new(bytes).map_err(|error| error.to_string())?;
    decoder.take(most).read_to_end(&mut out).map_err(|error| error.to_string())?;
    Ok(out)
}
