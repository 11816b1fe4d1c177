//! Entries that come in any order, handed out by rows: two passes whatever the number of windows.
//!
//! The first pass sends each entry to the bucket of its rows; a bucket's entries wait in one temporary file,
//! each piece behind the place of the one before, so that memory does not grow with the file. A window is one bucket,
//! read back and sorted. What fits into memory never touches the disk.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;

use super::{Parts, tidied};
use crate::place::Place;
use crate::rounded::Rounded;

/// Bytes of an entry: row, column, value.
const ENTRY: usize = 12;
/// Most buckets, whose buffers are held at once.
const MAX_BUCKETS: usize = 2048;
/// Most bytes that a bucket gathers before they are written.
const BUFFER: usize = 16 << 10;

/// Most spools that are kept for the next reader: planning a run and each pass open a matrix anew.
const KEPT: usize = 3;

/// A matrix of a file as it was, and the memory that it was set aside with.
#[derive(PartialEq, Eq)]
struct Key {
    file: PathBuf,
    matrix: String,
    len: u64,
    changed: Option<SystemTime>,
    memory: usize,
}

static SPOOLS: Mutex<Vec<(Key, Shared)>> = Mutex::new(Vec::new());

/// A spool that all readers of a matrix share.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<Spool>>);

impl Shared {
    /// Takes the spool of a matrix that was set aside before, else fills one.
    ///
    /// # Errors
    /// Those of `fill`.
    pub(crate) fn of(place: &Place, memory: usize, fill: impl FnOnce() -> Result<Spool>) -> Result<Self> {
        let metadata = std::fs::metadata(place.real()).ok();
        let key = Key {
            file: place.real().to_owned(),
            matrix: place.path().to_owned(),
            len: metadata.as_ref().map_or(0, std::fs::Metadata::len),
            changed: metadata.and_then(|found| found.modified().ok()),
            memory,
        };
        let held = || SPOOLS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = held().iter().find(|(known, _)| *known == key) {
            return Ok(found.clone());
        }
        let made = Self(Arc::new(Mutex::new(fill()?)));
        let mut spools = held();
        if spools.len() >= KEPT {
            spools.remove(0);
        }
        spools.push((key, made.clone()));
        Ok(made)
    }

    /// The rows that are held together with row `row`.
    pub(crate) fn window(&self, row: usize) -> Range<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).window(row)
    }

    /// Returns a run of rows of one window.
    pub(crate) fn load(&self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).load(rows, rounded)
    }
}

/// Takes entries and gives them back by rows.
#[derive(Debug)]
pub(crate) struct Spool {
    n_rows: usize,
    n_cols: usize,
    rows_per_bucket: usize,
    /// Bytes that a bucket gathers before they are written.
    buffer: usize,
    buckets: Vec<Bucket>,
    file: Option<File>,
    written: u64,
    rounded: Rounded,
}

#[derive(Clone, Debug, Default)]
struct Bucket {
    /// Entries that are not written yet.
    waiting: Vec<u8>,
    /// Where those that were written last lie in the file.
    last: Piece,
}

/// Entries of a bucket that were written together, after the place of those before them.
#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    start: u64,
    /// Bytes of its entries; 0 where there are none.
    len: u32,
}

impl Piece {
    /// Bytes of a place.
    const BYTES: usize = 12;

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.start.to_ne_bytes());
        bytes[8..].copy_from_slice(&self.len.to_ne_bytes());
        bytes
    }

    /// Reads the place of the piece before this one.
    fn before(self, file: &mut File) -> std::io::Result<Self> {
        let (mut start, mut len) = ([0; 8], [0; 4]);
        file.seek(SeekFrom::Start(self.start))?;
        file.read_exact(&mut start)?;
        file.read_exact(&mut len)?;
        Ok(Self { start: u64::from_ne_bytes(start), len: u32::from_ne_bytes(len) })
    }

    /// Adds its entries to `bytes`.
    fn read(self, file: &mut File, bytes: &mut Vec<u8>) -> std::io::Result<()> {
        file.seek(SeekFrom::Start(self.start + Self::BYTES as u64))?;
        let found = file.take(u64::from(self.len)).read_to_end(bytes)?;
        if found == self.len as usize { Ok(()) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
    }
}

impl Spool {
    /// Begins with no entry; about `nnz` of them will come, and a window may take `memory` bytes.
    pub(crate) fn new(shape: (usize, usize), nnz: usize, memory: usize) -> Self {
        let (n_rows, n_cols) = shape;
        let wanted = nnz.saturating_mul(ENTRY).div_ceil((memory / 4).max(1));
        let n_buckets = wanted.clamp(1, MAX_BUCKETS).min(n_rows.max(1));
        let rows_per_bucket = n_rows.div_ceil(n_buckets).max(1);
        let n_buckets = n_rows.div_ceil(rows_per_bucket).max(1);
        Self {
            n_rows,
            n_cols,
            rows_per_bucket,
            buffer: (memory / 8 / n_buckets).clamp(ENTRY, BUFFER),
            buckets: vec![Bucket::default(); n_buckets],
            file: None,
            written: 0,
            rounded: Rounded::default(),
        }
    }

    /// Takes an entry; its row and column lie within the matrix.
    pub(crate) fn push(&mut self, row: u32, column: u32, value: f32) -> Result<()> {
        let one = self.buckets.len() == 1;
        let at = row as usize / self.rows_per_bucket;
        let waiting = &mut self.buckets[at].waiting;
        waiting.extend_from_slice(&row.to_ne_bytes());
        waiting.extend_from_slice(&column.to_ne_bytes());
        waiting.extend_from_slice(&value.to_ne_bytes());
        if !one && waiting.len() >= self.buffer {
            return self.write(at);
        }
        Ok(())
    }

    /// Remembers values that rounding made look like counts.
    pub(crate) fn note(&mut self, rounded: &Rounded) {
        self.rounded.extend(rounded);
    }

    fn write(&mut self, at: usize) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile().map_err(failed)?),
        };
        let bucket = &mut self.buckets[at];
        file.seek(SeekFrom::Start(self.written)).map_err(failed)?;
        file.write_all(&bucket.last.to_bytes()).map_err(failed)?;
        file.write_all(&bucket.waiting).map_err(failed)?;
        bucket.last = Piece { start: self.written, len: bucket.waiting.len() as u32 };
        self.written += (Piece::BYTES + bucket.waiting.len()) as u64;
        bucket.waiting.clear();
        Ok(())
    }

    /// The rows that are held together with row `row`.
    pub(crate) fn window(&self, row: usize) -> Range<usize> {
        let start = row / self.rows_per_bucket * self.rows_per_bucket;
        start..(start + self.rows_per_bucket).min(self.n_rows)
    }

    /// Returns a run of rows of one window.
    pub(crate) fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        let Some(bucket) = self.buckets.get(rows.start / self.rows_per_bucket) else {
            return Ok(Csr::empty(self.n_cols));
        };
        let mut bytes = Vec::new();
        let bytes = match &mut self.file {
            None => &bucket.waiting,
            Some(file) => {
                let mut pieces = Vec::new();
                let mut piece = bucket.last;
                while piece.len > 0 {
                    pieces.push(piece);
                    piece = piece.before(file).map_err(failed)?;
                }
                pieces.iter().rev().try_for_each(|piece| piece.read(file, &mut bytes)).map_err(failed)?;
                bytes.extend_from_slice(&bucket.waiting);
                &bytes
            }
        };
        rounded.extend(&self.rounded);
        tidied(self.n_cols, sorted(bytes, rows), rounded)
    }
}

/// Sorts entries by row, keeping the order in which they came within a row.
fn sorted(bytes: &[u8], rows: Range<usize>) -> Parts {
    let entries = || {
        bytes.as_chunks::<ENTRY>().0.iter().filter_map(|entry| {
            let word = |at: usize| [entry[at], entry[at + 1], entry[at + 2], entry[at + 3]];
            let row = u32::from_ne_bytes(word(0)) as usize;
            let inside = rows.contains(&row);
            inside.then(|| (row - rows.start, u32::from_ne_bytes(word(4)), f32::from_ne_bytes(word(8))))
        })
    };
    let mut indptr = vec![0; rows.len() + 1];
    entries().for_each(|(row, ..)| indptr[row + 1] += 1);
    (0..rows.len()).for_each(|row| indptr[row + 1] += indptr[row]);
    let mut cursors = indptr[..rows.len()].to_vec();
    let nnz = indptr[rows.len()];
    let (mut indices, mut values) = (vec![0; nnz], vec![0.0; nnz]);
    for (row, column, value) in entries() {
        (indices[cursors[row]], values[cursors[row]]) = (column, value);
        cursors[row] += 1;
    }
    (indptr, indices, values)
}

fn failed(error: std::io::Error) -> Error {
    Error::failed("counts could not be set aside in a temporary file")
        .found(error.to_string())
        .help("name a folder with free space in TMPDIR")
}
