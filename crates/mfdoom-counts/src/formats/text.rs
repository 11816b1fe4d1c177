//! Text files, plain or gzip: lists of names, tables, and lines in bounded memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};

use crate::place::Place;

/// The longest line that is read.
const MAX_LINE: u64 = 64 << 20;
/// The largest list of names or features that is read, unpacked.
const MAX_LIST: u64 = 4 << 30;
/// Bytes read at once.
const BUFFER: usize = 1 << 18;

/// Lines of a text file, read one after the other.
pub(crate) struct Lines {
    reader: Box<dyn BufRead + Send>,
    line: Vec<u8>,
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
        let place = Place::root(path);
        let mut file = BufReader::with_capacity(BUFFER, File::open(path).map_err(|e| Error::io(path, e))?);
        let packed = file.fill_buf().map_err(|error| Error::io(path, error))?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn BufRead + Send> = if packed {
            Box::new(BufReader::with_capacity(BUFFER, flate2::bufread::MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Self { reader, line: Vec::new(), number: 0, place })
    }

    /// Reads the next line, without its end; `None` behind the last one.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>> {
        self.line.clear();
        let read = self.reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut self.line);
        let n = read.map_err(|error| {
            self.place
                .broken(format!("line {} could not be read", self.number + 1))
                .found(error.to_string())
                .help("the file is damaged or cut off: copy or download it again")
        })?;
        if n == 0 {
            return Ok(None);
        }
        self.number += 1;
        if n as u64 == MAX_LINE && self.line.last() != Some(&b'\n') {
            return Err(self.wrong("is too long").wanted(format!("less than {} MiB", MAX_LINE >> 20)));
        }
        while matches!(self.line.last(), Some(b'\n' | b'\r')) {
            self.line.pop();
        }
        let mut start = 0;
        if self.number == 1 && self.line.starts_with(b"\xef\xbb\xbf") {
            start = 3;
        }
        Ok(Some(&self.line[start..]))
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
