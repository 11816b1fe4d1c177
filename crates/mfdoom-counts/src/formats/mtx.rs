//! Matrix Market files of counts: cells along either side, entries in any order, one or three values an entry.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::SystemTime;

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;

use super::text::Lines;
use crate::matrix::{DEFAULT_MEMORY, RowSource, Shared, Spool, tidied};
use crate::place::Place;
use crate::rounded::Rounded;

/// A Matrix Market file whose header was read.
#[derive(Clone, Debug)]
pub(super) struct Mtx {
    path: PathBuf,
    /// Rows and columns, as the header has them.
    pub(super) shape: (usize, usize),
    nnz: usize,
    pattern: bool,
    /// Values of an entry.
    pub(super) n_values: usize,
}

/// Which side of the file the cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum CellAxis {
    Rows,
    Columns,
}

/// One entry.
struct Entry {
    cell: u32,
    feature: u32,
    value: f64,
}

impl Mtx {
    /// Reads the header.
    ///
    /// # Errors
    /// Contract: not a Matrix Market file of coordinates, or a shape that cannot be.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut lines = Lines::open(path)?;
        let banner =
            lines.next()?.map(|line| String::from_utf8_lossy(line).to_lowercase()).unwrap_or_default();
        let words: Vec<&str> = banner.split_whitespace().collect();
        let pattern = match words[..] {
            ["%%matrixmarket", "matrix", "coordinate", "pattern", "general"] => true,
            ["%%matrixmarket", "matrix", "coordinate", "integer" | "real" | "double", "general"] => false,
            _ => {
                return Err(lines
                    .wrong("is not the banner of a sparse matrix of counts")
                    .found(banner.chars().take(80).collect::<String>())
                    .wanted("%%MatrixMarket matrix coordinate integer (or real, or pattern) general"));
            }
        };
        let size = loop {
            match lines.next()? {
                Some(line) if line.starts_with(b"%") || line.trim_ascii().is_empty() => {}
                Some(line) => break line.to_vec(),
                None => {
                    return Err(lines.wrong("is the last one").wanted("a line of rows, columns and entries"));
                }
            }
        };
        let numbers: Option<Vec<usize>> =
            String::from_utf8_lossy(&size).split_whitespace().map(|word| word.parse().ok()).collect();
        let Some(&[rows, columns, nnz]) = numbers.as_deref() else {
            return Err(lines
                .wrong("is not the size of a matrix")
                .found(String::from_utf8_lossy(&size).chars().take(80).collect::<String>())
                .wanted("rows, columns and entries"));
        };
        let n_values = match lines.next()? {
            Some(line) => {
                line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count().saturating_sub(2)
            }
            None => 1,
        };
        Ok(Self { path: path.to_owned(), shape: (rows, columns), nnz, pattern, n_values: n_values.max(1) })
    }

    /// Tells which side the cells are by the numbers of names.
    ///
    /// # Errors
    /// Contract: the numbers fit neither way.
    pub(super) fn cells(&self, n_cells: usize, n_features: usize) -> Result<CellAxis> {
        let (rows, columns) = self.shape;
        if (rows, columns) == (n_features, n_cells) {
            return Ok(CellAxis::Columns);
        }
        if (rows, columns) == (n_cells, n_features) {
            return Ok(CellAxis::Rows);
        }
        Err(Place::root(&self.path)
            .broken("does not fit the lists next to it")
            .found(format!("{rows} x {columns}"))
            .wanted(format!("{n_cells} cells and {n_features} features, either way round"))
            .help("the lists are of another matrix, or one of the files is cut off"))
    }

    /// Opens the rows of one of the values.
    pub(super) fn rows(&self, cells: CellAxis, value: usize) -> MtxRows {
        MtxRows {
            mtx: self.clone(),
            cells,
            value,
            order: None,
            reading: None,
            spool: None,
            memory: DEFAULT_MEMORY,
        }
    }

    fn n_features(&self, cells: CellAxis) -> usize {
        if cells == CellAxis::Columns { self.shape.0 } else { self.shape.1 }
    }

    fn n_cells(&self, cells: CellAxis) -> usize {
        if cells == CellAxis::Columns { self.shape.1 } else { self.shape.0 }
    }
}

/// Entries, read one after the other.
#[derive(Debug)]
struct Entries {
    lines: Lines,
    read: usize,
    cells: CellAxis,
    value: usize,
    mtx: Mtx,
    /// Whether the lines of header and size are behind.
    begun: bool,
}

impl Entries {
    fn new(mtx: &Mtx, cells: CellAxis, value: usize) -> Result<Self> {
        Ok(Self { lines: Lines::open(&mtx.path)?, read: 0, cells, value, mtx: mtx.clone(), begun: false })
    }

    fn begin(&mut self) -> Result<()> {
        while let Some(line) = self.lines.next()? {
            if !line.starts_with(b"%") && !line.trim_ascii().is_empty() {
                break;
            }
        }
        self.begun = true;
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Entry>> {
        if !self.begun {
            self.begin()?;
        }
        let parsed = loop {
            let Some(line) = self.lines.next()? else {
                if self.read == self.mtx.nnz {
                    return Ok(None);
                }
                return Err(self.number_of_entries(self.read));
            };
            if !line.is_empty() {
                break parse(line, self.value, self.mtx.pattern);
            }
        };
        self.read += 1;
        if self.read > self.mtx.nnz {
            return Err(self.number_of_entries(self.read));
        }
        let Some((row, column, value)) = parsed else {
            return Err(self.lines.wrong("is no entry of the matrix").wanted("row, column and value"));
        };
        let (rows, columns) = self.mtx.shape;
        if row == 0 || column == 0 || row > rows || column > columns {
            return Err(self
                .lines
                .wrong("is outside the matrix")
                .found(format!("row {row}, column {column}"))
                .wanted(format!("1 to {rows} and 1 to {columns}")));
        }
        let (row, column) = ((row - 1) as u32, (column - 1) as u32);
        let (cell, feature) = if self.cells == CellAxis::Columns { (column, row) } else { (row, column) };
        Ok(Some(Entry { cell, feature, value }))
    }

    fn number_of_entries(&self, found: usize) -> Error {
        let found =
            if found > self.mtx.nnz { format!("more than {}", self.mtx.nnz) } else { found.to_string() };
        Place::root(&self.mtx.path)
            .broken("has another number of entries than its header says")
            .found(found)
            .wanted(self.mtx.nnz.to_string())
            .help("the file is cut off or damaged: copy or download it again")
    }
}

/// Reads `row column value...`.
fn parse(line: &[u8], value: usize, pattern: bool) -> Option<(usize, usize, f64)> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (row, column) = (integer(words.next()?)?, integer(words.next()?)?);
    if pattern {
        return Some((row, column, 1.0));
    }
    let word = words.nth(value)?;
    let value = match integer(word) {
        Some(count) if count <= 1 << 53 => count as f64,
        _ => std::str::from_utf8(word).ok()?.parse().ok()?,
    };
    Some((row, column, value))
}

fn integer(word: &[u8]) -> Option<usize> {
    if word.is_empty() || word.len() > 18 {
        return None;
    }
    word.iter().try_fold(0usize, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + usize::from(byte - b'0'))
    })
}

/// A file as it was when it was looked at, and which side the cells are.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    path: PathBuf,
    changed: Option<SystemTime>,
    len: u64,
    cells: CellAxis,
}

/// Whether entries come cell by cell: told by a pass over a file, once.
static ORDERED: LazyLock<Mutex<HashMap<Key, bool>>> = LazyLock::new(Mutex::default);

/// Rows of a Matrix Market file.
#[derive(Debug)]
pub(super) struct MtxRows {
    mtx: Mtx,
    cells: CellAxis,
    value: usize,
    order: Option<bool>,
    reading: Option<(usize, Entries, Option<PendingEntry>)>,
    spool: Option<Shared>,
    memory: usize,
}

/// The first entry of a cell that was not asked for yet.
type PendingEntry = (u32, u32, f64);

impl MtxRows {
    fn is_ordered(&mut self) -> Result<bool> {
        if let Some(ordered) = self.order {
            return Ok(ordered);
        }
        let metadata = std::fs::metadata(&self.mtx.path).map_err(|error| Error::io(&self.mtx.path, error))?;
        let key = Key {
            path: self.mtx.path.clone(),
            changed: metadata.modified().ok(),
            len: metadata.len(),
            cells: self.cells,
        };
        let known = ORDERED.lock().ok().and_then(|known| known.get(&key).copied());
        let ordered = match known {
            Some(ordered) => ordered,
            None => self.look()?,
        };
        if let Ok(mut known) = ORDERED.lock() {
            known.insert(key, ordered);
        }
        self.order = Some(ordered);
        Ok(ordered)
    }

    /// Reads every entry, which checks all of them.
    fn look(&self) -> Result<bool> {
        let mut entries = Entries::new(&self.mtx, self.cells, self.value)?;
        let (mut last, mut ordered) = (0, true);
        while let Some(entry) = entries.next()? {
            ordered &= entry.cell >= last;
            last = entry.cell;
        }
        Ok(ordered)
    }
    fn spool(&mut self) -> Result<Shared> {
        if let Some(spool) = &self.spool {
            return Ok(spool.clone());
        }
        let (place, memory) =
            (Place::root(&self.mtx.path).at(&format!("{:?} {}", self.cells, self.value)), self.memory);
        let spool = Shared::of(&place, memory, || self.filled())?;
        self.spool = Some(spool.clone());
        Ok(spool)
    }

    fn filled(&mut self) -> Result<Spool> {
        let shape = (self.mtx.n_cells(self.cells), self.mtx.n_features(self.cells));
        let mut spool = Spool::new(shape, self.mtx.nnz, self.memory);
        let mut entries = Entries::new(&self.mtx, self.cells, self.value)?;
        let mut rounded = Rounded::default();
        while let Some(entry) = entries.next()? {
            spool.push(entry.cell, entry.feature, rounded.narrow(entry.value))?;
        }
        spool.note(&rounded);
        Ok(spool)
    }

    fn in_order(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        let (at, mut entries, mut pending) = match self.reading.take() {
            Some(reading) if reading.0 <= rows.start => reading,
            _ => (0, Entries::new(&self.mtx, self.cells, self.value)?, None),
        };
        debug_assert!(at <= rows.start);
        let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
        loop {
            let next = match pending.take() {
                Some(entry) => Some(entry),
                None => entries.next()?.map(|entry| (entry.cell, entry.feature, entry.value)),
            };
            let Some((cell, feature, value)) = next else { break };
            if (cell as usize) < rows.start {
                continue;
            }
            if cell as usize >= rows.end {
                pending = Some((cell, feature, value));
                break;
            }
            if indptr.len() > cell as usize - rows.start + 1 {
                return Err(entries
                    .lines
                    .wrong("goes back to an earlier cell")
                    .help("the file was changed while it was read"));
            }
            indptr.resize(cell as usize - rows.start + 1, indices.len());
            indices.push(feature);
            values.push(rounded.narrow(value));
        }
        indptr.resize(rows.len() + 1, indices.len());
        self.reading = Some((rows.end, entries, pending));
        tidied(self.mtx.n_features(self.cells), (indptr, indices, values), rounded)
    }
}

impl RowSource for MtxRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        if self.is_ordered()? {
            return Ok(wanted);
        }
        Ok(wanted.start..self.spool()?.window(wanted.start).end)
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        if self.is_ordered()? {
            return self.in_order(rows, rounded);
        }
        self.spool()?.load(rows, rounded)
    }

    fn set_memory(&mut self, bytes: usize) {
        self.memory = bytes;
    }
}
