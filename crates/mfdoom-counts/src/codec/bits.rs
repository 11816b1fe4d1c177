//! Bitshuffle: bits sorted by significance, perhaps packed block by block.

use super::{lz4, zstd};

/// Bytes of a block, where the file does not say.
const BLOCK: usize = 8192;
/// Fewest elements of such a block.
const MIN_ELEMENTS: usize = 128;

/// Undoes the sorting of bits by significance, of elements in eights; the rest was not sorted.
pub(crate) fn unshuffled(bytes: &[u8], width: usize) -> Vec<u8> {
    let n = bytes.len() / width / 8 * 8;
    let row = n / 8;
    let mut out = vec![0; n * width];
    for (plane, bits) in bytes[..n * width].chunks_exact(row.max(1)).enumerate() {
        let (byte, bit) = (plane / 8, plane % 8);
        for (at, packed) in bits.iter().enumerate() {
            for lane in 0..8 {
                out[(8 * at + lane) * width + byte] |= (packed >> lane & 1) << bit;
            }
        }
    }
    out.extend_from_slice(&bytes[n * width..]);
    out
}

/// Unpacks a chunk of the HDF5 filter, whose parameters are: two of the version, bytes of an element, elements of a
/// block (0 for the usual number), what packs the blocks (0 nothing, 2 LZ4, 3 Zstandard).
pub(crate) fn unpack_chunk(bytes: &[u8], parameters: &[u32]) -> Result<Vec<u8>, String> {
    let parameter = |at: usize| parameters.get(at).copied().unwrap_or(0) as usize;
    let (width, elements, packing) = (parameter(2), parameter(3), parameter(4));
    if width == 0 {
        return Err("elements of no bytes".to_owned());
    }
    let usual = (BLOCK / width / 8 * 8).max(MIN_ELEMENTS);
    if packing == 0 {
        let block = width * if elements == 0 { usual } else { elements };
        let tail = bytes.len() % (8 * width);
        let sorted = &bytes[..bytes.len() - tail];
        let mut out: Vec<u8> = sorted.chunks(block).flat_map(|block| unshuffled(block, width)).collect();
        out.extend_from_slice(&bytes[bytes.len() - tail..]);
        return Ok(out);
    }
    let (size, block, mut rest) = lz4::header(bytes)?;
    let tail = size % (8 * width);
    let mut out = Vec::new();
    while out.len() < size - tail {
        let wanted = block.min(size - tail - out.len());
        let packed = lz4::next_block(&mut rest)?;
        let sorted = match packing {
            2 => lz4::unpack(packed, wanted)?,
            3 => zstd::unpack(packed, wanted as u64)?,
            other => return Err(format!("packed by bitshuffle with {other}")),
        };
        if sorted.len() != wanted || wanted == 0 {
            return Err(format!("{} bytes where {wanted} were promised", sorted.len()));
        }
        out.extend(unshuffled(&sorted, width));
    }
    out.extend_from_slice(rest.get(..tail).ok_or("cut off")?);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_put_back() {
        // Eight bytes; the k-th has bit k alone: each plane holds one bit.
        let planes: Vec<u8> = (0..8).map(|bit| 1 << bit).collect();
        assert_eq!(unshuffled(&planes, 1), planes);
        assert_eq!(unshuffled(&[0xff, 0, 0, 0, 0, 0, 0, 0, 7], 1), [1, 1, 1, 1, 1, 1, 1, 1, 7]);
    }
}
