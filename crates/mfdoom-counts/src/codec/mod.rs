//! What packs chunks in Zarr stores and, behind HDF5's filters, in HDF5 files.

pub(crate) mod bits;
pub(crate) mod blosc;
mod blosclz;
pub(crate) mod crc32c;
pub(crate) mod deflate;
pub(crate) mod lz4;
pub(crate) mod zstd;

#[cfg(test)]
mod tests {
    use super::*;

    /// 300 times the number of the element modulo 7, as int32, in blocks of 512 bytes, packed by hdf5plugin.
    const LZ4: &str = "00000000000004b00000020000000028f00a0000000001000000020000000300000004000000050000000619000f1c00\
        ffcc50000100000000000025f20302000000030000000400000005000000060001004f010000001c00ffcd500003000000000000\
        23a2040000000500000006000100cf0100000002000000030000001c007c500005000000";
    const BITS_LZ4: &str = "00000000000004b0000002000000002a752a954aa552a9540700754c2693c964329907007570381c0e87c3e107001f\
        000100ffb85000000000000000002a754aa552a9542a9507007593c96432994c260700751c0e87c3e1703807001f000100ffb850\
        00000000000000001bff0152a9542a956432994c2687c3e1703800010078500000000000020000000300000004000000050000\
        00";
    const BITS_ZSTD: &str = "00000000000004b0000002000000002d28b52ffd6000011d0100b02a954aa552a9544c2693c964329970381c0e87c3\
        e1000400cc38258036a01815c5080000002d28b52ffd6000011d0100b04aa552a9542a9593c96432994c261c0e87c3e170380004\
        00cc38258036a01815c5080000002028b52ffd20a0bd00008052a9542a956432994c2687c3e170380001001a1458020200000003\
        0000000400000005000000";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().map(|digit| (digit as char).to_digit(16).unwrap() as u8).collect();
        digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn what_plugins_pack_is_unpacked_and_what_is_cut_off_is_told() {
        let wanted: Vec<u8> = (0..300).flat_map(|at: i32| (at % 7).to_le_bytes()).collect();
        assert_eq!(lz4::unpack_chunk(&bytes(LZ4)).unwrap(), wanted);
        for (hex, packing) in [(BITS_LZ4, 2), (BITS_ZSTD, 3)] {
            let bytes = bytes(hex);
            assert_eq!(bits::unpack_chunk(&bytes, &[0, 4, 4, 128, packing]).unwrap(), wanted);
            for len in 0..bytes.len() {
                assert!(bits::unpack_chunk(&bytes[..len], &[0, 4, 4, 128, packing]).is_err());
                let _ = lz4::unpack_chunk(&bytes[..len]);
            }
            assert!(bits::unpack_chunk(&bytes, &[]).is_err());
        }
    }

    /// Damages packed chunks and unpacks them; `MFDOOM_FUZZ_CASES` times, or 20,000.
    #[test]
    fn damaged_chunks_are_unpacked_or_refused() {
        let cases = std::env::var("MFDOOM_FUZZ_CASES").map_or(20_000, |n| n.parse().unwrap());
        let wanted: Vec<u8> = (0..300).flat_map(|at: i32| (at % 7).to_le_bytes()).collect();
        let snappy = snap::raw::Encoder::new().compress_vec(&wanted).unwrap();
        let framed = |flags: u8, packed: &[u8]| {
            let mut bytes = vec![2, 1, flags, 4];
            let words = [wanted.len(), wanted.len(), 24 + packed.len(), 20, packed.len()];
            bytes.extend(words.iter().flat_map(|word| (*word as u32).to_le_bytes()));
            bytes.extend(packed);
            bytes
        };
        let literal: Vec<u8> =
            wanted.chunks(32).flat_map(|run| [&[run.len() as u8 - 1], run].concat()).collect();
        let lz4 = ::lz4::block::compress(&wanted, None, false).unwrap();
        let zstd = ::zstd::encode_all(wanted.as_slice(), 0).unwrap();
        type Unpack = fn(&[u8]) -> Result<Vec<u8>, String>;
        let packed: [(Vec<u8>, Unpack); 7] = [
            (bytes(LZ4), lz4::unpack_chunk),
            (bytes(BITS_LZ4), |bytes| bits::unpack_chunk(bytes, &[0, 4, 4, 128, 2])),
            (bytes(BITS_ZSTD), |bytes| bits::unpack_chunk(bytes, &[0, 4, 4, 128, 3])),
            (framed(0x10, &literal), blosc::unpack),
            (framed(0x50, &snappy), blosc::unpack),
            (framed(0x30, &lz4), blosc::unpack),
            (framed(0x90, &zstd), blosc::unpack),
        ];
        let mut state = 1_u64;
        let mut below = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        for (bytes, unpack) in &packed {
            assert_eq!(unpack(bytes).unwrap(), wanted);
        }
        let mut refused = 0_u64;
        for case in 0..cases {
            let (bytes, unpack) = &packed[case as usize % packed.len()];
            let mut damaged = bytes.clone();
            for _ in 0..=below(3) {
                let at = below(damaged.len());
                match below(4) {
                    0 => damaged[at] ^= 1 << below(8),
                    1 => damaged[at] = [0, 0xff, 0x80, 1][below(4)],
                    2 => damaged.truncate(at.max(1)),
                    _ => damaged[at] = below(256) as u8,
                }
            }
            // Sizes in a header may promise much; what comes out is bounded by them all the same.
            refused += u64::from(unpack(&damaged).is_err());
        }
        assert!(refused > cases / 10, "{refused} of {cases} refused");
    }
}
