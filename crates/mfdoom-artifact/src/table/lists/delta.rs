//! Differences of ascending ids: parquet's DELTA_BINARY_PACKED.

use crate::table::pages::{write_varint, zigzag};

/// Values of a block, which share the smallest difference.
const BLOCK: usize = 128;
/// Values that share a number of bits.
const PART: usize = 32;

/// Appends values; ids are differences of 32 bits that wrap around, as in an int32 column.
pub(super) fn write(values: &[u32], to: &mut Vec<u8>) {
    write_varint(BLOCK as u64, to);
    write_varint((BLOCK / PART) as u64, to);
    write_varint(values.len() as u64, to);
    let first = values.first().map_or(0, |value| *value as i32);
    write_varint(zigzag(first), to);
    to.reserve(values.len() + BLOCK);
    let mut differences = [0_i32; BLOCK];
    let mut at = 1;
    while at < values.len() {
        let len = BLOCK.min(values.len() - at);
        let (now, before) = (&values[at..at + len], &values[at - 1..at - 1 + len]);
        for (difference, (now, before)) in differences.iter_mut().zip(now.iter().zip(before)) {
            *difference = (*now as i32).wrapping_sub(*before as i32);
        }
        write_block(&differences[..len], to);
        at += len;
    }
}

fn write_block(differences: &[i32], to: &mut Vec<u8>) {
    let mut least = i32::MAX;
    for difference in differences {
        least = if *difference < least { *difference } else { least };
    }
    write_varint(zigzag(least), to);
    let widths = to.len();
    to.extend_from_slice(&[0; BLOCK / PART]);
    let mut first = 0;
    while first < differences.len() {
        let part = &differences[first..differences.len().min(first + PART)];
        let (mut above, mut all) = ([0_u32; PART], 0);
        for (above, difference) in above.iter_mut().zip(part) {
            *above = difference.wrapping_sub(least) as u32;
            all |= *above;
        }
        let width = 32 - all.leading_zeros();
        to[widths + first / PART] = width as u8;
        pack(&above, width, to);
        first += PART;
    }
}

/// Appends 32 values of `width` bits.
fn pack(values: &[u32; PART], width: u32, to: &mut Vec<u8>) {
    let (mut bits, mut n, mut len) = (0_u64, 0, 0);
    let mut packed = [0_u8; 4 * PART];
    for value in values {
        bits |= u64::from(*value) << n;
        n += width;
        if n >= 32 {
            packed[len..len + 4].copy_from_slice(&(bits as u32).to_le_bytes());
            len += 4;
            bits >>= 32;
            n -= 32;
        }
    }
    to.extend_from_slice(&packed[..len]);
}
