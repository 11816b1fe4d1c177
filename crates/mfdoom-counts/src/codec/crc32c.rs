//! CRC-32C, the checksum of Castagnoli's polynomial.

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// The checksum of bytes.
pub(crate) fn of(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| crc >> 8 ^ TABLE[(crc as u8 ^ byte) as usize];
    !bytes.iter().fold(!0, step)
}

/// The bytes before the checksum at their end.
///
/// # Errors
/// It is another one, or there is none.
pub(crate) fn checked(mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    match bytes.split_last_chunk::<4>() {
        Some((data, sum)) if of(data) == u32::from_le_bytes(*sum) => {
            let len = data.len();
            bytes.truncate(len);
            Ok(bytes)
        }
        Some(_) => Err("another checksum than it has".to_owned()),
        None => Err("too short for a checksum".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_standard_vector_fits() {
        assert_eq!(super::of(b"123456789"), 0xe306_9283);
        assert_eq!(
            super::checked([&b"123456789"[..], &0xe306_9283_u32.to_le_bytes()].concat()).unwrap(),
            b"123456789"
        );
        assert!(super::checked(b"1234567890123".to_vec()).is_err());
    }
}
