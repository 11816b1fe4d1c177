//! What packs chunks in Zarr stores and, behind HDF5's filters, in HDF5 files.

pub(crate) mod bits;
pub(crate) mod blosc;
mod blosclz;
pub(crate) mod crc32c;
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
}
