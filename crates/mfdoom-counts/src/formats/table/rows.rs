//! Rows of a table of text.

use std::ops::Range;
use std::path::{Path, PathBuf};

use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use crate::formats::text::Lines;
use crate::matrix::{DEFAULT_MEMORY, RowSource, Shared, Spool};
use crate::place::Place;
use crate::rounded::Rounded;

/// Fields without a count that are passed over at once.
const ZEROS: usize = 8;

/// Reads a field as a number.
pub(super) fn number(field: &[u8]) -> Option<f64> {
    let field = unquoted(field);
    if let (1..=15, true) = (field.len(), field.iter().all(u8::is_ascii_digit)) {
        return Some(field.iter().fold(0u64, |number, byte| number * 10 + u64::from(byte - b'0')) as f64);
    }
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// A field without blanks and quotes around it.
pub(super) fn unquoted(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field)
}

/// Reads the line that names the columns.
pub(super) fn header(lines: &mut Lines) -> Result<Vec<u8>> {
    while let Some(line) = lines.next()? {
        if !line.starts_with(b"#") && !line.trim_ascii().is_empty() {
            return Ok(line.to_vec());
        }
    }
    Err(lines.wrong("is the last one").wanted("a header with names"))
}

/// Rows of a table, read one after the other.
#[derive(Debug)]
pub(super) struct TableRows {
    path: PathBuf,
    delimiter: u8,
    shape: (usize, usize),
    reading: Option<(usize, Lines)>,
}

impl TableRows {
    pub(super) fn new(path: &Path, delimiter: u8, shape: (usize, usize)) -> Self {
        Self { path: path.to_owned(), delimiter, shape, reading: None }
    }

    /// Reads the counts of a line; `None` where it is no row of counts.
    fn row(&self, line: &[u8], row: &mut Row, rounded: &mut Rounded) -> Option<()> {
        let zeros: [u8; 2 * ZEROS] =
            std::array::from_fn(|at| if at % 2 == 0 { b'0' } else { self.delimiter });
        let mut at = memchr::memchr(self.delimiter, line)? + 1;
        let mut column = 0;
        row.columns.clear();
        row.values.clear();
        loop {
            // Most of a table is zeros.
            while line[at..].starts_with(&zeros) {
                at += zeros.len();
                column += ZEROS;
            }
            let (value, end) = self.field(line, at)?;
            if value != 0.0 {
                row.columns.push(column as u32);
                row.values.push(rounded.narrow(value));
            }
            column += 1;
            if end == line.len() {
                return (column == self.shape.1).then_some(());
            }
            at = end + 1;
        }
    }

    /// Reads the number that begins at a place, and where it ends.
    #[inline]
    fn field(&self, line: &[u8], start: usize) -> Option<(f64, usize)> {
        let (mut at, mut number) = (start, 0_u64);
        while let Some(digit) = line.get(at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
            number = number.wrapping_mul(10).wrapping_add(digit.into());
            at += 1;
        }
        let plain = (1..=15).contains(&(at - start));
        if plain && line.get(at).is_none_or(|byte| *byte == self.delimiter) {
            return Some((number as f64, at));
        }
        let end = memchr::memchr(self.delimiter, &line[start..]).map_or(line.len(), |len| start + len);
        Some((self::number(&line[start..end])?, end))
    }
}

/// What a line holds that is not 0.
#[derive(Debug, Default)]
struct Row {
    columns: Vec<u32>,
    values: Vec<f32>,
}

impl RowSource for TableRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        Ok(wanted)
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        let (mut at, mut lines) = match self.reading.take() {
            Some((at, lines)) if at <= rows.start => (at, lines),
            _ => {
                let mut lines = Lines::open(&self.path)?;
                header(&mut lines)?;
                (0, lines)
            }
        };
        let mut block = Csr::empty(self.shape.1);
        let mut row = Row::default();
        while at < rows.end {
            let Some(line) = lines.next()? else { return Err(lines.wrong("is the last one")) };
            if line.trim_ascii().is_empty() {
                continue;
            }
            if at >= rows.start && self.row(line, &mut row, rounded).is_none() {
                return Err(lines
                    .wrong("is no row of counts")
                    .wanted(format!("a name and {} numbers", self.shape.1))
                    .help("a row is a cell or a gene, all other fields are counts"));
            }
            if at >= rows.start {
                block.push_row(&row.columns, &row.values);
            }
            at += 1;
        }
        self.reading = Some((at, lines));
        Ok(block)
    }
}

/// Cells of a table whose rows are genes: read once, and set aside by cells.
#[derive(Debug)]
pub(super) struct TurnedRows {
    table: TableRows,
    memory: usize,
    spool: Option<Shared>,
}

impl TurnedRows {
    /// Takes a table of so many rows and columns.
    pub(super) fn new(path: &Path, delimiter: u8, shape: (usize, usize)) -> Self {
        Self { table: TableRows::new(path, delimiter, shape), memory: DEFAULT_MEMORY, spool: None }
    }

    fn spool(&mut self) -> Result<Shared> {
        if let Some(spool) = &self.spool {
            return Ok(spool.clone());
        }
        let place = Place::root(&self.table.path).at("turned");
        let (table, memory) = (&mut self.table, self.memory);
        let spool = Shared::of(&place, memory, || filled(table, memory))?;
        self.spool = Some(spool.clone());
        Ok(spool)
    }
}

fn filled(table: &mut TableRows, memory: usize) -> Result<Spool> {
    let (n_genes, n_cells) = table.shape;
    // A tenth of a table is not 0, more or less: the spool takes more where it is.
    let mut spool = Spool::new((n_cells, n_genes), n_genes.saturating_mul(n_cells) / 8, memory);
    let mut rounded = Rounded::default();
    for gene in 0..n_genes {
        let block = table.load(gene..gene + 1, &mut rounded)?;
        for (cell, value) in block.indices().iter().zip(block.values()) {
            spool.push(*cell, gene as u32, *value)?;
        }
    }
    spool.note(&rounded);
    Ok(spool)
}

impl RowSource for TurnedRows {
    fn window(&mut self, wanted: Range<usize>) -> Result<Range<usize>> {
        Ok(wanted.start..self.spool()?.window(wanted.start).end)
    }

    fn load(&mut self, rows: Range<usize>, rounded: &mut Rounded) -> Result<Csr> {
        self.spool()?.load(rows, rounded)
    }

    fn set_memory(&mut self, bytes: usize) {
        self.memory = bytes;
    }
}
