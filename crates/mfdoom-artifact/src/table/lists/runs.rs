//! The hybrid of runs and packed bits in which parquet stores levels and places in a dictionary.

use crate::table::pages::write_varint;

/// Equal values in a row from which a run is shorter than packed bits.
const RUN: usize = 8;

/// Writes runs of one value each, equal neighbours joined; for values below 256.
#[derive(Debug, Default)]
pub(super) struct RunWriter {
    bytes: Vec<u8>,
    value: u8,
    len: u64,
}

impl RunWriter {
    /// Adds `len` times `value`.
    pub(super) fn push(&mut self, value: u8, len: usize) {
        if value != self.value {
            self.end_run();
            self.value = value;
        }
        self.len += len as u64;
    }

    fn end_run(&mut self) {
        if self.len > 0 {
            write_varint(self.len << 1, &mut self.bytes);
            self.bytes.push(self.value);
            self.len = 0;
        }
    }

    /// Appends length and runs to `to`, and begins anew.
    pub(super) fn write(&mut self, to: &mut Vec<u8>) {
        self.end_run();
        to.extend_from_slice(&(self.bytes.len() as u32).to_le_bytes());
        to.extend_from_slice(&self.bytes);
        self.bytes.clear();
    }
}

/// Writes values of at most `width` bits (1 to 16) behind a byte that says so.
pub(super) fn write_with_width(values: &[u16], width: u32, to: &mut Vec<u8>) {
    to.push(width as u8);
    let (mut at, mut packed) = (0, 0);
    while at < values.len() {
        let run = run_length(&values[at..]);
        if run < RUN {
            at = values.len().min(at + RUN);
            continue;
        }
        write_packed(&values[packed..at], width, to);
        write_varint((run as u64) << 1, to);
        to.extend_from_slice(&values[at].to_le_bytes()[..width.div_ceil(8) as usize]);
        at += run;
        packed = at;
    }
    write_packed(&values[packed..], width, to);
}

fn run_length(values: &[u16]) -> usize {
    let first = values[0];
    // Most places differ from the next ones: eight are compared at once.
    match values.first_chunk::<RUN>() {
        Some(eight) if *eight == [first; RUN] => {
            RUN + values[RUN..].iter().take_while(|value| **value == first).count()
        }
        _ => 1,
    }
}

/// Packs values in groups of eight, the last one filled up with zeros.
fn write_packed(values: &[u16], width: u32, to: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    write_varint((values.len().div_ceil(RUN) as u64) << 1 | 1, to);
    let mut groups = values.chunks_exact(RUN);
    groups.by_ref().for_each(|group| pack_eight(group, width, to));
    let rest = groups.remainder();
    if !rest.is_empty() {
        let mut group = [0; RUN];
        group[..rest.len()].copy_from_slice(rest);
        pack_eight(&group, width, to);
    }
}

fn pack_eight(values: &[u16], width: u32, to: &mut Vec<u8>) {
    if width <= 8 {
        let (mut bits, mut n) = (0_u64, 0);
        for value in values {
            bits |= u64::from(*value) << n;
            n += width;
        }
        return to.extend_from_slice(&bits.to_le_bytes()[..width as usize]);
    }
    let (mut bits, mut n) = (0_u128, 0);
    for value in values {
        bits |= u128::from(*value) << n;
        n += width;
    }
    to.extend_from_slice(&bits.to_le_bytes()[..width as usize]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads what the specification says, the slow way.
    fn read(bytes: &[u8], n: usize) -> Vec<u16> {
        let width = u32::from(bytes[0]);
        let (mut at, mut values) = (1, Vec::new());
        while at < bytes.len() {
            let (mut head, mut shift) = (0_u64, 0);
            loop {
                head |= u64::from(bytes[at] & 0x7f) << shift;
                shift += 7;
                at += 1;
                if bytes[at - 1] & 0x80 == 0 {
                    break;
                }
            }
            if head & 1 == 0 {
                let size = width.div_ceil(8) as usize;
                let value =
                    bytes[at..at + size].iter().rev().fold(0, |all, byte| all << 8 | u16::from(*byte));
                values.extend(std::iter::repeat_n(value, (head >> 1) as usize));
                at += size;
            } else {
                for bit in (0..(head >> 1) as usize * 8).map(|value| value * width as usize) {
                    let one = |bit: usize| u16::from(bytes[at + bit / 8] >> (bit % 8) & 1);
                    values.push((0..width as usize).map(|i| one(bit + i) << i).sum());
                }
                at += (head >> 1) as usize * width as usize;
            }
        }
        values.truncate(n);
        values
    }

    #[test]
    fn values_come_back() {
        for width in 1..=16_u32 {
            for len in [0, 1, 7, 8, 9, 31, 200] {
                let limit = (1_u32 << width) - 1;
                let mixed: Vec<u16> = (0..len as u32)
                    .map(|i| if i % 40 < 17 { 1 } else { (i * 7919 % limit.max(2)) as u16 & limit as u16 })
                    .collect();
                let mut bytes = Vec::new();
                write_with_width(&mixed, width, &mut bytes);
                assert_eq!(read(&bytes, len), mixed, "width {width}, {len} values");
            }
        }
    }

    #[test]
    fn neighbouring_runs_of_one_value_are_one() {
        let mut runs = RunWriter::default();
        for (value, len) in [(0, 1), (1, 2), (1, 3), (2, 0), (0, 300)] {
            runs.push(value, len);
        }
        let mut bytes = Vec::new();
        runs.write(&mut bytes);
        assert_eq!(bytes, [7, 0, 0, 0, 2, 0, 10, 1, 0xd8, 4, 0]);
    }
}
