//! Blosc's chunks, of version 1: blocks, each perhaps in streams, their bytes or bits sorted by significance.

use std::io::Read;

use super::deflate::{Frame, Inflating};
use super::{bits, blosclz, lz4, zstd};

/// Bytes of the header.
const HEADER: usize = 16;
/// Most bytes of a chunk.
const MAX: usize = 1 << 31;

/// Unpacks a chunk.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
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
            // Blosc leaves the bits of a number of elements alone that does not divide by eight.
            (_, true) if (size / width).is_multiple_of(8) => out.extend(bits::unshuffled(&unpacked, width)),
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
        1 => lz4::unpack(data, size),
        3 => limited(&mut Inflating::new(data, Frame::Zlib)),
        4 => zstd::unpack(data, size as u64),
        0 => blosclz::unpack(data, size),
        2 => match snap::raw::decompress_len(data) {
            Ok(found) if found <= size => {
                snap::raw::Decoder::new().decompress_vec(data).map_err(|error| error.to_string())
            }
            Ok(found) => Err(format!("{found} bytes where {size} were promised")),
            Err(error) => Err(error.to_string()),
        },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_put_back() {
        assert_eq!(unshuffled(&[1, 3, 5, 2, 4, 6, 9], 2), [1, 2, 3, 4, 5, 6, 9]);
    }

    /// 256 times the number of the element modulo 7, as int32, packed by numcodecs 0.16 with level 5.
    const PACKED: [(&str, &str); 4] = [
        (
            "blosclz, bytes sorted",
            "02010104000400000004000056000000140000000e0000002600010203040506e0ee060102030c0000002300000000e0\
             f003020000000c0000002300000000e0f003020000000c0000002300000000e0f00302000000",
        ),
        (
            "lz4, bytes sorted",
            "0201210400040000000400005600000014000000110000007f000102030405060700e15006000102030b0000001f000100e7\
             5000000000000b0000001f000100e75000000000000b0000001f000100e7500000000000",
        ),
        (
            "zstd, bits sorted",
            "02019404000400000004000045000000140000002d00000028b52ffd6000031d0100b02a954aa552a9544c2693c964329970\
             381c0e87c3e10004009c7195008b018bd1528c",
        ),
        (
            "zlib, bytes sorted",
            "0201610400040000000400005a0000001400000012000000785e636064626661656318a914007e8b02fb0c000000785e6360\
             18d90000010000010c000000785e636018d90000010000010c000000785e636018d9000001000001",
        ),
    ];

    #[test]
    fn what_numcodecs_packs_is_unpacked() {
        let wanted: Vec<u8> = (0..256).flat_map(|at: i32| (at % 7).to_le_bytes()).collect();
        for (name, hex) in PACKED {
            let digits: Vec<u8> =
                hex.bytes().map(|digit| (digit as char).to_digit(16).unwrap() as u8).collect();
            let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
            assert_eq!(unpack(&bytes).unwrap(), wanted, "{name}");
            for len in 0..bytes.len() {
                let _ = unpack(&bytes[..len]);
            }
        }
    }

    #[test]
    fn snappy_is_unpacked() {
        let wanted: Vec<u8> = (0..500_u32).flat_map(|at| (at % 9).to_le_bytes()).collect();
        let packed = snap::raw::Encoder::new().compress_vec(&wanted).unwrap();
        let mut bytes = vec![2, 1, 0x50, 4];
        let words = [wanted.len(), wanted.len(), 24 + packed.len(), 20, packed.len()];
        bytes.extend(words.iter().flat_map(|word| (*word as u32).to_le_bytes()));
        bytes.extend(&packed);
        assert_eq!(unpack(&bytes).unwrap(), wanted);
        for len in 0..bytes.len() {
            assert!(unpack(&bytes[..len]).is_err());
        }
    }

    #[test]
    fn what_is_cut_off_is_told() {
        assert!(unpack(&[2, 1, 1]).is_err());
        let mut bytes = vec![2, 1, 0x21, 4];
        bytes.extend([16u32, 16, 40, 20].iter().flat_map(|word| word.to_le_bytes()));
        assert_eq!(unpack(&bytes).unwrap_err(), "cut off");
    }
}
