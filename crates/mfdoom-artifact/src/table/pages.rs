//! Checksums of the pages of a parquet column.
//!
//! The format has a CRC-32 in each page header (field 4 of `PageHeader`, over the page as it is stored), which every
//! reader may check and the parquet crate does not write. Here it is added to the pages of a column chunk, or
//! checked where it is there. Headers are structs of Thrift's compact protocol; only the length, the size
//! of the page and the checksum matter.

use parquet::errors::{ParquetError, Result};

/// Types of the compact protocol.
const I32: u8 = 5;
/// Fields of a page header.
const COMPRESSED_SIZE: i16 = 3;
const CRC: i16 = 4;
/// Deepest nesting that is followed.
const MAX_DEPTH: usize = 8;

/// A column chunk whose pages have checksums.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// The pages, one after the other.
    pub(super) bytes: Vec<u8>,
    /// Of each page, where it began, and where it begins and how long it is now.
    pub(super) pages: Vec<Moved>,
}

/// A page that was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) len: usize,
}

/// Copies the pages of a column chunk, checks the checksums that are there and adds those that are not.
///
/// # Errors
/// A page that does not fit, or whose checksum is wrong.
pub(super) fn with_checksums(chunk: &[u8]) -> Result<Checked> {
    let mut checked = Checked { bytes: Vec::with_capacity(chunk.len() + 64), pages: Vec::new() };
    let mut at = 0;
    while at < chunk.len() {
        let header = Header::read(&chunk[at..]).ok_or_else(|| wrong("a page header is damaged"))?;
        let body = at + header.len;
        let end = body.checked_add(header.size).filter(|end| *end <= chunk.len());
        let end = end.ok_or_else(|| wrong("a page is longer than its column"))?;
        let crc = crc32fast::hash(&chunk[body..end]);
        let to = checked.bytes.len();
        match header.crc {
            Some(known) if known == crc => checked.bytes.extend_from_slice(&chunk[at..body]),
            Some(_) => return Err(wrong("the checksum of a page is wrong")),
            None => header.write_with(crc, &chunk[at..body], &mut checked.bytes)?,
        }
        checked.bytes.extend_from_slice(&chunk[body..end]);
        checked.pages.push(Moved { from: at, to, len: checked.bytes.len() - to });
        at = end;
    }
    Ok(checked)
}

fn wrong(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// What matters of a page header.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    /// Length of the header.
    len: usize,
    /// Length of the page behind it.
    size: usize,
    crc: Option<u32>,
    /// Where the field behind the size begins.
    behind_size: usize,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader { bytes, at: 0 };
        let (mut size, mut crc, mut behind_size) = (None, None, 0);
        let mut id = 0;
        while let Some((kind, next)) = reader.field(id)? {
            id = next;
            match (id, kind) {
                (COMPRESSED_SIZE, I32) => {
                    size = usize::try_from(unzigzag(reader.varint()?)).ok();
                    behind_size = reader.at;
                }
                (CRC, I32) => crc = Some(unzigzag(reader.varint()?) as u32),
                _ => reader.skip(kind, MAX_DEPTH)?,
            }
        }
        Some(Self { len: reader.at, size: size?, crc, behind_size })
    }

    /// Writes the header with a checksum behind the size; the next field counts its number from there.
    fn write_with(&self, crc: u32, header: &[u8], to: &mut Vec<u8>) -> Result<()> {
        let (before, behind) = header.split_at(self.behind_size);
        let (&next, rest) = behind.split_first().ok_or_else(|| wrong("a page header is cut off"))?;
        let distance = next >> 4;
        if distance < 2 {
            return Err(wrong("a page header has its fields in another order"));
        }
        to.extend_from_slice(before);
        to.push(1 << 4 | I32);
        write_varint(zigzag(crc as i32), to);
        to.push(next - (1 << 4));
        to.extend_from_slice(rest);
        Ok(())
    }
}

/// Reads the compact protocol; nothing where the bytes end or make no sense.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn advance(&mut self, n: usize) -> Option<()> {
        self.at = self.at.checked_add(n).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    /// Returns type and number of the next field, the number before being `last`; an inner nothing at the end.
    fn field(&mut self, last: i16) -> Option<Option<(u8, i16)>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        let id = match byte >> 4 {
            0 => i16::try_from(unzigzag(self.varint()?)).ok()?,
            distance => last.checked_add(i16::from(distance))?,
        };
        Some(Some((byte & 0x0f, id)))
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            1 | 2 => Some(()),
            3 => self.advance(1),
            4..=6 => self.varint().map(drop),
            7 => self.advance(8),
            8 => {
                let len = usize::try_from(self.varint()?).ok()?;
                self.advance(len)
            }
            9 | 10 => self.skip_list(depth.checked_sub(1)?),
            12 => {
                let depth = depth.checked_sub(1)?;
                let mut id = 0;
                while let Some((kind, next)) = self.field(id)? {
                    id = next;
                    self.skip(kind, depth)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    fn skip_list(&mut self, depth: usize) -> Option<()> {
        let head = self.byte()?;
        let len = match head >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        // A list cannot have more elements than bytes are left, but for truth values, which have one each here.
        if len > (self.bytes.len() - self.at) as u64 {
            return None;
        }
        (0..len).try_for_each(|_| match head & 0x0f {
            1 | 2 => self.advance(1),
            kind => self.skip(kind, depth),
        })
    }
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

pub(super) fn zigzag(value: i32) -> u64 {
    u64::from(((value << 1) ^ (value >> 31)) as u32)
}

pub(super) fn write_varint(mut value: u64, to: &mut Vec<u8>) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data page of 5 bytes: type 0, sizes 9 and 5, a data page header of three numbers.
    const HEADER: [u8; 14] = [0x15, 0, 0x15, 18, 0x15, 10, 0x2c, 0x15, 6, 0x15, 0, 0x15, 6, 0];

    fn page() -> Vec<u8> {
        [&HEADER[..], &[0], b"hello"].concat()
    }

    #[test]
    fn a_checksum_is_added_once_and_then_checked() {
        let chunk = [page(), page()].concat();
        let checked = with_checksums(&chunk).unwrap();
        let crc = Header::read(&checked.bytes).unwrap().crc;
        assert_eq!(crc, Some(0x3610_a686), "CRC-32 of hello, as zlib has it");
        assert_eq!(checked.pages[1].from, page().len());
        assert_eq!(checked.pages[1].to, checked.pages[0].len);
        let again = with_checksums(&checked.bytes).unwrap();
        assert_eq!(again.bytes, checked.bytes);
        for at in 0..checked.pages[0].len {
            let mut flipped = checked.bytes.clone();
            flipped[at] ^= 4;
            // A flipped header may say that there is no checksum; it then ends elsewhere, or in another page.
            let read = with_checksums(&flipped);
            assert!(read.is_err() || at < checked.pages[0].len - 5, "byte {at}");
        }
    }

    #[test]
    fn cut_pages_are_refused() {
        let chunk = page();
        for len in 1..chunk.len() {
            assert!(with_checksums(&chunk[..len]).is_err(), "{len}");
        }
        assert!(with_checksums(&[]).unwrap().bytes.is_empty());
    }

    #[test]
    fn numbers_go_both_ways() {
        for value in [0, 1, -1, i32::MAX, i32::MIN] {
            let mut bytes = Vec::new();
            write_varint(zigzag(value), &mut bytes);
            let read = Reader { bytes: &bytes, at: 0 }.varint().map(unzigzag);
            assert_eq!(read, Some(i64::from(value)));
        }
    }
}
