//! Text files, plain or gzip: lists of names, tables, and lines in bounded memory.

use std::io;
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};

use super::blocks::Blocks;
use crate::place::Place;

/// The longest line that is read.
const MAX_LINE: usize = 64 << 20;
/// The largest list of names or features that is read, unpacked.
const MAX_LIST: u64 = 4 << 30;

/// Lines of a text file, read one after the other.
pub(crate) struct Lines {
    blocks: Blocks,
    /// Bytes that were read.
    held: Vec<u8>,
    /// Where the next line begins, and where the last one that is held whole ends.
    at: usize,
    whole: usize,
    /// What went wrong behind the bytes that are held.
    failed: Option<io::Error>,
    number: usize,
    place: Place,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lines({:?}, line {})", self.place, self.number)
    }
}

impl Lines {
    /// Opens a file; gzip is told by its first bytes.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let blocks = Blocks::open(path).map_err(|error| Error::io(path, error))?;
        let place = Place::root(path);
        Ok(Self { blocks, held: Vec::new(), at: 0, whole: 0, failed: None, number: 0, place })
    }

    /// Reads the next line, without its end; `None` behind the last one.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>> {
        let found = loop {
            match memchr::memchr(b'\n', self.held()) {
                Some(end) => break self.at..self.at + end + 1,
                None if self.more()? => {}
                None if self.at < self.held.len() => break self.at..self.held.len(),
                None => return Ok(None),
            }
        };
        self.number += 1;
        self.at = found.end;
        let mut line = &self.held[found];
        while let [rest @ .., b'\n' | b'\r'] = line {
            line = rest;
        }
        Ok(Some(match self.number {
            1 => line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line),
            _ => line,
        }))
    }

    /// Reads until a whole line more is held; false behind the last one.
    fn more(&mut self) -> Result<bool> {
        self.held.drain(..self.at);
        self.at = 0;
        loop {
            let before = self.held.len();
            if before >= MAX_LINE {
                self.number += 1;
                return Err(self.wrong("is too long").wanted(format!("less than {} MiB", MAX_LINE >> 20)));
            }
            let read = match self.failed.take() {
                Some(error) => Err(error),
                None => self.blocks.append(&mut self.held),
            };
            if let Some(end) = memchr::memrchr(b'\n', &self.held[before..]) {
                self.whole = before + end + 1;
                // Told when the lines before it are used up.
                self.failed = read.err();
                return Ok(true);
            }
            self.whole = 0;
            match read {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(error) => {
                    return Err(self
                        .place
                        .broken(format!("line {} could not be read", self.number + 1))
                        .found(error.to_string())
                        .help("the file is damaged or cut off: copy or download it again"));
                }
            }
        }
    }

    /// The lines that are held whole, with their ends; none where [`next`](Self::next) has to read.
    pub(crate) fn held(&self) -> &[u8] {
        &self.held[self.at..self.whole.max(self.at)]
    }

    /// Passes over one of the lines that are held, of so many bytes with its end.
    pub(crate) fn pass(&mut self, bytes: usize) {
        self.at += bytes;
        self.number += 1;
    }

    /// The error for the line that was read last.
    pub(crate) fn wrong(&self, what: &str) -> Error {
        self.place.broken(format!("line {} {what}", self.number))
    }
}

/// Many short texts in one allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    bytes: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Appends a text; bytes that are not UTF-8 are replaced.
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.bytes.push_str(&String::from_utf8_lossy(text));
        self.ends.push(self.bytes.len());
    }

    /// Number of texts.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// One of them.
    pub(crate) fn get(&self, at: usize) -> &str {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> + Clone {
        (0..self.len()).map(|at| self.get(at))
    }
}

/// Reads the first column of a list, a name a line; lines without a character are passed over at the end only.
pub(crate) fn names(path: &Path) -> Result<Texts> {
    let mut texts = Texts::default();
    let mut lines = Lines::open(path)?;
    let (mut blank, mut size) = (0, 0);
    while let Some(line) = lines.next()? {
        let first = line.split(|byte| *byte == b'\t').next().unwrap_or_default().trim_ascii();
        if first.is_empty() {
            blank += 1;
            continue;
        }
        (0..blank).for_each(|_| texts.push(b""));
        blank = 0;
        size += first.len() as u64 + 1;
        texts.push(first);
        if size > MAX_LIST {
            return Err(lines
                .wrong("is beyond what a list may hold")
                .wanted(format!("{} GiB", MAX_LIST >> 30)));
        }
    }
    Ok(texts)
}

/// Reads a table of tab-separated columns, column by column; short lines are filled up.
pub(crate) fn columns(path: &Path) -> Result<Vec<Vec<String>>> {
    let mut columns: Vec<Vec<String>> = Vec::new();
    let mut lines = Lines::open(path)?;
    let (mut n, mut size) = (0, 0);
    while let Some(line) = lines.next()? {
        if line.trim_ascii().is_empty() {
            continue;
        }
        for (at, field) in line.split(|byte| *byte == b'\t').enumerate() {
            if at == columns.len() {
                columns.push(vec![String::new(); n]);
            }
            columns[at].push(String::from_utf8_lossy(field.trim_ascii()).into_owned());
        }
        n += 1;
        columns.iter_mut().for_each(|column| column.resize(n, String::new()));
        size += line.len() as u64;
        if size > MAX_LIST {
            return Err(lines
                .wrong("is beyond what a list may hold")
                .wanted(format!("{} GiB", MAX_LIST >> 30)));
        }
    }
    Ok(columns)
}

/// Finds a file of a folder, plain or `.gz`.
pub(crate) fn member(folder: &Path, names: &[String], name: &str) -> Option<PathBuf> {
    let packed = format!("{name}.gz");
    let found = names.iter().find(|found| *found == name || **found == packed)?;
    Some(folder.join(found))
}
