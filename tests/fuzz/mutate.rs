//! Mutations of bytes, drawn from a seed.

/// A small generator of random numbers (SplitMix64).
pub struct Random(u64);

impl Random {
    /// Returns the generator of one case: the same whatever was drawn for others.
    pub fn new(seed: u64, name: &str, case: u64) -> Self {
        let mut state = seed ^ case.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in name.bytes() {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Self(state)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `n`, which is above 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// Changes bytes in one of eight ways; what was done is returned for the message.
pub fn mutate(bytes: &mut Vec<u8>, random: &mut Random) -> String {
    if bytes.is_empty() {
        bytes.push(random.next() as u8);
        return "one byte in an empty file".into();
    }
    let at = random.below(bytes.len());
    let len = 1 + random.below((bytes.len() - at).min(64));
    match random.below(8) {
        0 => {
            let bit = random.below(8);
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} flipped")
        }
        1 => {
            let new = bytes[at] ^ (1 + random.below(255) as u8);
            let old = std::mem::replace(&mut bytes[at], new);
            format!("byte {at} from {old} to {new}")
        }
        2 => {
            bytes.truncate(at);
            format!("cut to {at} bytes")
        }
        3 => {
            bytes[at..at + len].fill(if random.below(2) == 0 { 0 } else { 0xff });
            format!("{len} bytes at {at} filled")
        }
        4 => {
            bytes.drain(at..at + len);
            format!("{len} bytes at {at} taken out")
        }
        5 => {
            let copy = bytes[at..at + len].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, copy);
            format!("{len} bytes at {at} repeated at {to}")
        }
        6 => {
            let value =
                [0, 1, u64::from(u32::MAX), 1 << 31, 1 << 63, u64::MAX, random.next()][random.below(7)];
            let width = [1, 2, 4, 8][random.below(4)].min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
            format!("{width} bytes at {at} set to {value}")
        }
        _ => {
            let to = random.below(bytes.len());
            let n = len.min(bytes.len() - to);
            let (a, b) = (bytes[at..at + n.min(len)].to_vec(), bytes[to..to + n].to_vec());
            bytes[at..at + n].copy_from_slice(&b);
            bytes[to..to + n].copy_from_slice(&a);
            format!("{n} bytes at {at} and {to} exchanged")
        }
    }
}
