//! Zip archives: the directory, and members by their name; stored or deflated, of 32 or 64 bits.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::store::{MAX_BYTES, Span};
use crate::codec::deflate::{Frame, Inflating};

/// The end of the directory, and where it may begin: behind it stands a comment of up to 64 KiB.
const END: ([u8; 4], u64) = (*b"PK\x05\x06", 22 + 0xffff);
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const MEMBER: [u8; 4] = *b"PK\x03\x04";
/// What a field holds whose value stands in the extra field of 64 bits.
const ELSEWHERE: u64 = 0xffff_ffff;

/// An open archive.
#[derive(Debug)]
pub(super) struct Archive {
    file: File,
    len: u64,
    members: BTreeMap<String, Member>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    deflated: bool,
    packed: u64,
    size: u64,
    crc: u32,
    /// Where its own header begins.
    at: u64,
}

impl Archive {
    /// Reads the directory.
    ///
    /// # Errors
    /// Not an archive, cut off, or members that are encrypted or packed in another way.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let (n, size, start) = directory(&file, len)?;
        if start.checked_add(size).is_none_or(|end| end > len) {
            return Err(damaged("a directory beyond the end"));
        }
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(&mut bytes, start)?;
        let mut members = BTreeMap::new();
        let mut rest = bytes.as_slice();
        for _ in 0..n {
            let (name, member, more) = entry(rest).ok_or_else(|| damaged("an entry that is cut off"))?;
            rest = more;
            if !name.ends_with('/') {
                members.insert(name, member?);
            }
        }
        Ok(Self { file, len, members })
    }

    /// Names of the members that begin with `prefix`, in order.
    pub(super) fn names(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let names = self.members.range(prefix.to_owned()..).map(|(name, _)| name.as_str());
        names.take_while(move |name| name.starts_with(prefix))
    }

    /// Reads a member; none where there is none of this name.
    ///
    /// # Errors
    /// Damaged, or too large.
    pub(super) fn read(&self, name: &str, span: Span) -> io::Result<Option<Vec<u8>>> {
        let Some(member) = self.members.get(name) else { return Ok(None) };
        let mut header = [0; 30];
        self.file.read_exact_at(&mut header, member.at)?;
        if header[..4] != MEMBER {
            return Err(damaged("a member that is not where the directory has it"));
        }
        let data = member.at + 30 + u64::from(short(&header, 26)) + u64::from(short(&header, 28));
        if data.checked_add(member.packed).is_none_or(|end| end > self.len) {
            return Err(damaged("a member beyond the end"));
        }
        if !member.deflated {
            if member.packed != member.size {
                return Err(damaged("two sizes of a member that is not packed"));
            }
            let range = span.of(member.size)?;
            let mut bytes = vec![0; (range.end - range.start) as usize];
            self.file.read_exact_at(&mut bytes, data + range.start)?;
            if matches!(span, Span::All) && crc32fast::hash(&bytes) != member.crc {
                return Err(damaged("another checksum than the archive says"));
            }
            return Ok(Some(bytes));
        }
        if member.packed > MAX_BYTES || member.size > MAX_BYTES {
            return Err(damaged("a member that is too large"));
        }
        let mut packed = vec![0; member.packed as usize];
        self.file.read_exact_at(&mut packed, data)?;
        let mut bytes = Vec::new();
        Inflating::new(packed.as_slice(), Frame::Raw).take(member.size).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != member.size || crc32fast::hash(&bytes) != member.crc {
            return Err(damaged("another size or checksum than the archive says"));
        }
        let range = span.of(member.size)?;
        Ok(Some(bytes[range.start as usize..range.end as usize].to_vec()))
    }
}

fn damaged(found: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, found)
}

fn short(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]))
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes
        .get(at..)
        .and_then(|rest| rest.first_chunk::<4>())
        .map_or(0, |word| u32::from_le_bytes(*word).into())
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|long| u64::from_le_bytes(*long))
}

/// Number of entries, bytes and start of the directory.
fn directory(file: &File, len: u64) -> io::Result<(u64, u64, u64)> {
    let mut tail = vec![0; len.min(END.1) as usize];
    let start = len - tail.len() as u64;
    file.read_exact_at(&mut tail, start)?;
    let at = tail.windows(4).rposition(|four| four == END.0).ok_or_else(|| damaged("no directory"))?;
    let end = &tail[at..];
    let found = (u64::from(short(end, 10)), word(end, 12), word(end, 16));
    let locator = at.checked_sub(20).map(|before| &tail[before..at]).filter(|found| found[..4] == LOCATOR_64);
    let Some(end_64) = locator.and_then(|locator| long(locator, 8)) else { return Ok(found) };
    let mut bytes = [0; 56];
    file.read_exact_at(&mut bytes, end_64)?;
    match (long(&bytes, 32), long(&bytes, 40), long(&bytes, 48)) {
        (Some(n), Some(size), Some(start)) if bytes[..4] == END_64 => Ok((n, size, start)),
        _ => Err(damaged("a directory of 64 bits that is not there")),
    }
}

/// Takes one entry of the directory: the name, the member or why it is not read, and what follows.
fn entry(bytes: &[u8]) -> Option<(String, io::Result<Member>, &[u8])> {
    let (fixed, rest) = bytes.split_at_checked(46)?;
    if fixed[..4] != ENTRY {
        return None;
    }
    let (name, rest) = rest.split_at_checked(short(fixed, 28).into())?;
    let (extra, rest) = rest.split_at_checked(short(fixed, 30).into())?;
    let (_, rest) = rest.split_at_checked(short(fixed, 32).into())?;
    let (packed, size, at) = (word(fixed, 20), word(fixed, 24), word(fixed, 42));
    let mut wide = of_64_bits(extra);
    let mut field = |value: u64| match value {
        ELSEWHERE => {
            let found = long(wide, 0)?;
            wide = &wide[8..];
            Some(found)
        }
        value => Some(value),
    };
    let (size, packed, at) = (field(size)?, field(packed)?, field(at)?);
    let member = match (short(fixed, 8) & 1, short(fixed, 10)) {
        (0, method @ (0 | 8)) => {
            Ok(Member { deflated: method == 8, packed, size, crc: word(fixed, 16) as u32, at })
        }
        (0, method) => Err(damaged(&format!("a member packed by method {method}"))),
        _ => Err(damaged("a member that is encrypted")),
    };
    Some((String::from_utf8_lossy(name).into_owned(), member, rest))
}

/// The extra field that holds sizes of 64 bits.
fn of_64_bits(mut extra: &[u8]) -> &[u8] {
    while let Some((head, rest)) = extra.split_at_checked(4) {
        let Some((data, more)) = rest.split_at_checked(short(head, 2).into()) else { break };
        if short(head, 0) == 1 {
            return data;
        }
        extra = more;
    }
    &[]
}
