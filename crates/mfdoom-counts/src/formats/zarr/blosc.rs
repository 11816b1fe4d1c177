//! Blosc's chunks, of version 1: blocks, each perhaps in streams, their bytes or bits sorted by significance.

use std::io::Read;

use super::codec::lz4;

/// Bytes of the header.
const HEADER: usize = 16;
/// Most bytes of a chunk.
const MAX: usize = 1 << 31;

/// Unpacks a chunk.
pub(super) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let word = |at: usize| -> Result<usize, String> {
        let word = bytes.get(at..at + 4).and_then(|word| word.first_chunk::<4>()).ok_or("cut off")?;
        Ok(u32::from_le_bytes(*word) as usize)
    };
    let (flags, width) = match bytes.get(..4) {
        Some(&[_, _, flags, width]) => (flags, usize::from(width).max(1)),
        _ => return Err("cut off".to_owned()),
    };
    let (n_bytes, block) = (word(4)?, word(8)?);
    if n_bytes > MAX {
        return Err(format!("a chunk of {n_bytes} bytes"));
    }
    if flags & 0x2 != 0 {
        return bytes.get(HEADER..HEADER + n_bytes).map(<[u8]>::to_vec).ok_or_else(|| "cut off".to_owned());
    }
    if n_bytes > 0 && block == 0 {
        return Err("blocks of no bytes".to_owned());
    }
    let mut out = Vec::new();
    for at in 0..n_bytes.div_ceil(block.max(1)) {
        let size = block.min(n_bytes - at * block);
        let whole = size == block;
        let streams = if flags & 0x10 == 0 && whole { width } else { 1 };
        let mut from = word(HEADER + 4 * at)?;
        let mut unpacked = Vec::with_capacity(size);
        for _ in 0..streams {
            let packed = word(from)?;
            let data = bytes.get(from + 4..from + 4 + packed).ok_or("cut off")?;
            let wanted = size / streams;
            if packed == wanted {
                unpacked.extend_from_slice(data);
            } else {
                unpacked.extend(inner(flags >> 5, data, wanted)?);
            }
            from += 4 + packed;
        }
        if unpacked.len() != size {
            return Err(format!("{} bytes where {size} were promised", unpacked.len()));
        }
        match (flags & 0x1 != 0, flags & 0x4 != 0) {
            (true, _) if width > 1 => out.extend(unshuffled(&unpacked, width)),
            (_, true) => out.extend(unshuffled_bits(&unpacked, width)),
            _ => out.extend(unpacked),
        }
    }
    Ok(out)
}

/// Unpacks one stream.
fn inner(format: u8, data: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let limited = |reader: &mut dyn Read| {
        let mut out = Vec::new();
        reader.take(size as u64).read_to_end(&mut out).map_err(|error| error.to_string())?;
        Ok(out)
    };
    match format {
        1 => lz4(data, size),
        3 => limited(&mut flate2::read::ZlibDecoder::new(data)),
        4 => limited(&mut zstd::Decoder::new(data).map_err(|error| error.to_string())?),
        0 => Err("packed by Blosc with blosclz".to_owned()),
        2 => Err("packed by Blosc with snappy".to_owned()),
        other => Err(format!("packed by Blosc with compressor {other}")),
    }
}

/// Undoes the sorting of bytes by significance.
fn unshuffled(bytes: &[u8], width: usize) -> Vec<u8> {
    let n = bytes.len() / width;
    let mut out = Vec::with_capacity(bytes.len());
    for at in 0..n {
        out.extend((0..width).map(|byte| bytes[byte * n + at]));
    }
    out.extend_from_slice(&bytes[n * width..]);
    out
}

/// Undoes the sorting of bits by significance, of elements in eights; the rest was not sorted.
fn unshuffled_bits(bytes: &[u8], width: usize) -> Vec<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_bits_are_put_back() {
        assert_eq!(unshuffled(&[1, 3, 5, 2, 4, 6, 9], 2), [1, 2, 3, 4, 5, 6, 9]);
        // Eight bytes of which the k-th has bit k alone: each plane holds one bit.
        let planes: Vec<u8> = (0..8).map(|bit| 1 << bit).collect();
        assert_eq!(unshuffled_bits(&planes, 1), planes);
        assert_eq!(unshuffled_bits(&[0xff, 0, 0, 0, 0, 0, 0, 0, 7], 1), [1, 1, 1, 1, 1, 1, 1, 1, 7]);
    }

    #[test]
    fn what_is_cut_off_is_told() {
        assert!(unpack(&[2, 1, 1]).is_err());
        let mut bytes = vec![2, 1, 0x21, 4];
        bytes.extend([16u32, 16, 40, 20].iter().flat_map(|word| word.to_le_bytes()));
        assert_eq!(unpack(&bytes).unwrap_err(), "cut off");
    }
}
