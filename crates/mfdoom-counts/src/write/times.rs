//! Takes the times out of a file, so that equal content gives equal bytes whatever the second.
//!
//! HDF5 stamps the header of every object with the second of its making, and neither the `anndata` crate nor the
//! wrapper below it can tell it not to. So the stamps are cleared in the closed file, before it is published. A
//! header is touched only where its signature and its checksum are those of the file format specification,
//! section IV.A.1.b (version 2 object headers). HDF5 makes no others here; headers of version 1, which older
//! programs left in a file that is added to, carry a time only where nothing changes it.

use std::fs::{File, OpenOptions};
use std::io::{Error, Read, Result, Seek, SeekFrom, Write};
use std::path::Path;

const SIGNATURE: &[u8; 4] = b"OHDR";
/// First byte of a header of version 1, which has no signature.
const VERSION_1: u8 = 1;
const VERSION_2: u8 = 2;
/// Behind signature, version and flags.
const TIMES: std::ops::Range<usize> = 6..22;
/// Flag: access, modification, change and birth time are stored, 4 bytes each.
const HAS_TIMES: u8 = 0x20;
/// Flag: two more numbers of 2 bytes each follow.
const HAS_PHASE_CHANGE: u8 = 0x10;
/// Flags: the logarithm of the bytes that hold the size of the messages.
const SIZE_WIDTH: u8 = 0x03;
const CHECKSUM: usize = 4;

/// Clears the times in the object headers at `offsets` of a closed file.
///
/// # Errors
/// Where there is no object header, or one whose checksum does not fit; nothing of it is then changed.
pub(super) fn clear(path: &Path, offsets: &[u64]) -> Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    for offset in offsets {
        let cleared = clear_header(&mut file, *offset);
        cleared.map_err(|error| Error::new(error.kind(), format!("object header at {offset}: {error}")))?;
    }
    Ok(())
}

fn clear_header(file: &mut File, offset: u64) -> Result<()> {
    let mut header = read(file, offset, TIMES.start)?;
    if header[0] == VERSION_1 {
        return Ok(());
    }
    if !header.starts_with(SIGNATURE) || header[4] != VERSION_2 {
        return Err(Error::other("not one that is known"));
    }
    let flags = header[5];
    if flags & HAS_TIMES == 0 {
        return Ok(());
    }
    let size = TIMES.end + if flags & HAS_PHASE_CHANGE != 0 { 4 } else { 0 };
    let messages = size + (1 << (flags & SIZE_WIDTH));
    let prefix = read(file, offset, messages)?;
    let length = prefix[size..].iter().rev().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
    if length > file.metadata()?.len() {
        return Err(Error::other("longer than the file"));
    }
    header = read(file, offset, messages + length as usize + CHECKSUM)?;
    let (content, sum) = header.split_at_mut(messages + length as usize);
    if sum != lookup3(content).to_le_bytes() {
        return Err(Error::other("the checksum does not fit"));
    }
    content[TIMES].fill(0);
    sum.copy_from_slice(&lookup3(content).to_le_bytes());
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(&header)
}

fn read(file: &mut File, offset: u64, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The checksum of HDF5's metadata: Jenkins' lookup3 (2006) of one byte or more, with 0 as its initial value.
fn lookup3(bytes: &[u8]) -> u32 {
    let mut state = [0xdead_beef_u32.wrapping_add(bytes.len() as u32); 3];
    let n_mixed = bytes.len().saturating_sub(1) / 12 * 12;
    for block in bytes[..n_mixed].chunks_exact(12) {
        add(&mut state, block);
        let [mut a, mut b, mut c] = state;
        for [first, second, third] in [[4, 6, 8], [16, 19, 4]] {
            a = a.wrapping_sub(c) ^ c.rotate_left(first);
            c = c.wrapping_add(b);
            b = b.wrapping_sub(a) ^ a.rotate_left(second);
            a = a.wrapping_add(c);
            c = c.wrapping_sub(b) ^ b.rotate_left(third);
            b = b.wrapping_add(a);
        }
        state = [a, b, c];
    }
    add(&mut state, &bytes[n_mixed..]);
    let [mut a, mut b, mut c] = state;
    for (turn, by) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
        match turn % 3 {
            0 => c = (c ^ b).wrapping_sub(b.rotate_left(by)),
            1 => a = (a ^ c).wrapping_sub(c.rotate_left(by)),
            _ => b = (b ^ a).wrapping_sub(a.rotate_left(by)),
        }
    }
    c
}

/// Adds up to twelve bytes as three little-endian numbers.
fn add(state: &mut [u32; 3], bytes: &[u8]) {
    for (at, byte) in bytes.iter().enumerate() {
        state[at / 4] = state[at / 4].wrapping_add(u32::from(*byte) << (8 * (at % 4)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_its_author() {
        // From the comments of his own test driver.
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }

    #[test]
    fn what_is_no_header_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut header = [SIGNATURE.as_slice(), &[VERSION_2, HAS_TIMES], &[7; 16], &[3], b"abc"].concat();
        let sum = lookup3(&header);
        header.extend(sum.to_le_bytes());
        std::fs::write(&path, &header).unwrap();
        clear(&path, &[0]).unwrap();
        let cleared = std::fs::read(&path).unwrap();
        assert_eq!(cleared[TIMES], [0; 16]);
        assert_eq!(cleared[TIMES.end..26], header[TIMES.end..26]);
        clear(&path, &[0]).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), cleared);

        let broken = |at: usize, byte: u8| {
            let mut broken = header.clone();
            broken[at] = byte;
            std::fs::write(&path, &broken).unwrap();
            let error = clear(&path, &[0]).unwrap_err().to_string();
            assert_eq!(std::fs::read(&path).unwrap(), broken);
            error
        };
        assert!(broken(0, b'X').contains("known"));
        assert!(broken(4, 3).contains("known"));
        assert!(broken(8, 8).contains("checksum"));
        assert!(broken(22, 200).contains("longer"));
        assert!(clear(&path, &[1000]).is_err());
    }
}
