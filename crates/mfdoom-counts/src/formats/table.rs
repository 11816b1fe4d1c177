//! Tables of cells by genes as text: comma- or tab-separated, dense.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mfdoom_error::Result;
use mfdoom_matrix::Csr;

use super::composed::{Composed, Features, Names, Part};
use super::text::{Lines, Texts};
use super::{Content, Format, Found};
use crate::file::CountsFile;
use crate::matrix::RowSource;
use crate::rounded::Rounded;
use crate::source::Source;

/// Most genes of a table.
const MAX_GENES: usize = 1 << 20;

/// Tables of counts, `.csv` and `.tsv`, perhaps gzip.
#[derive(Debug)]
pub(super) struct TextTable;

impl Format for TextTable {
    fn name(&self) -> &'static str {
        "table of cells x genes (.csv, .tsv)"
    }

    fn recognises(&self, found: &Found) -> bool {
        let Content::File { head, .. } = &found.content else { return false };
        let whole = head.len() < 4096;
        let mut lines = head.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#"));
        let (Some(header), second) = (lines.next(), lines.next()) else { return false };
        let Some(delimiter) = delimiter(header) else { return false };
        let numbers = |line: &[u8], complete: bool| {
            let mut fields: Vec<&[u8]> = line.split(|byte| *byte == delimiter).skip(1).collect();
            if !complete {
                fields.pop();
            }
            !fields.is_empty() && fields.iter().all(|field| number(field).is_some())
        };
        let third = lines.next();
        match second {
            Some(line) if !line.is_empty() => numbers(line, whole || third.is_some()),
            // The names of the genes alone are longer than what is looked at.
            None => !whole && header.is_ascii(),
            Some(_) => false,
        }
    }

    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>> {
        let table = Table::look(&found.path)?;
        let rows = Arc::new(table.shape);
        let (path, delimiter) = (found.path.clone(), table.delimiter);
        let part = Part {
            source: Source::X,
            features: Arc::new(Features::new(table.genes, None, None)),
            open: Box::new(move || Ok(Box::new(TableRows::new(&path, delimiter, *rows)))),
        };
        Ok(Box::new(Composed {
            parts: vec![found.path],
            place: found.place,
            format: self.name(),
            cells: Names::Held(table.cells),
            obs: Vec::new(),
            matrices: vec![part],
        }))
    }
}

fn delimiter(header: &[u8]) -> Option<u8> {
    [b'\t', b','].into_iter().find(|delimiter| header.contains(delimiter))
}

fn number(field: &[u8]) -> Option<f64> {
    let field = unquoted(field);
    if let (1..=15, true) = (field.len(), field.iter().all(u8::is_ascii_digit)) {
        return Some(field.iter().fold(0u64, |number, byte| number * 10 + u64::from(byte - b'0')) as f64);
    }
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn unquoted(field: &[u8]) -> &[u8] {
    let field = field.trim_ascii();
    field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field)
}

/// Names of a table, read in one pass that looks at nothing but the first field of each line.
struct Table {
    delimiter: u8,
    genes: Vec<String>,
    cells: Texts,
    shape: (usize, usize),
}

impl Table {
    fn look(path: &Path) -> Result<Self> {
        let mut lines = Lines::open(path)?;
        let header = header(&mut lines)?;
        let Some(delimiter) = delimiter(&header) else {
            return Err(lines.wrong("names no genes").wanted("names separated by commas or tabs"));
        };
        let names = header.split(|byte| *byte == delimiter);
        let mut genes: Vec<String> =
            names.map(|name| String::from_utf8_lossy(unquoted(name)).into_owned()).collect();
        let mut cells = Texts::default();
        let mut width = None;
        while let Some(line) = lines.next()? {
            if line.trim_ascii().is_empty() {
                continue;
            }
            if width.is_none() {
                width = Some(line.split(|byte| *byte == delimiter).count());
            }
            let first = line.split(|byte| *byte == delimiter).next().unwrap_or_default();
            cells.push(unquoted(first));
        }
        // R leaves out the name of the first column.
        let width = width.unwrap_or(genes.len());
        if width == genes.len() && !genes.is_empty() {
            genes.remove(0);
        } else if width != genes.len() + 1 {
            return Err(lines
                .wrong("has another number of fields than the header")
                .found(width.to_string())
                .wanted(format!("{} or {}", genes.len(), genes.len() + 1)));
        }
        if genes.len() > MAX_GENES {
            return Err(lines
                .wrong("has more fields than a table may have")
                .found(genes.len().to_string())
                .wanted(format!("{MAX_GENES} genes; a row is a cell"))
                .help("turn the table round, or write the counts as .h5ad"));
        }
        let shape = (cells.len(), genes.len());
        Ok(Self { delimiter, genes, cells, shape })
    }
}

fn header(lines: &mut Lines) -> Result<Vec<u8>> {
    while let Some(line) = lines.next()? {
        if !line.starts_with(b"#") && !line.trim_ascii().is_empty() {
            return Ok(line.to_vec());
        }
    }
    Err(lines.wrong("is the last one").wanted("a header with the names of the genes"))
}

/// Rows of a table, read one after the other.
#[derive(Debug)]
struct TableRows {
    path: PathBuf,
    delimiter: u8,
    shape: (usize, usize),
    reading: Option<(usize, Lines)>,
}

impl TableRows {
    fn new(path: &Path, delimiter: u8, shape: (usize, usize)) -> Self {
        Self { path: path.to_owned(), delimiter, shape, reading: None }
    }

    /// Appends the counts of a line; `None` where it is no row of counts.
    fn row(&self, line: &[u8], block: &mut Csr, rounded: &mut Rounded) -> Option<()> {
        let (mut n, mut columns, mut values) = (0, Vec::new(), Vec::new());
        for (column, field) in line.split(|byte| *byte == self.delimiter).skip(1).enumerate() {
            n = column + 1;
            let value = if field == b"0" { 0.0 } else { number(field)? };
            if value != 0.0 {
                columns.push(column as u32);
                values.push(rounded.narrow(value));
            }
        }
        (n == self.shape.1).then(|| block.push_row(&columns, &values))
    }
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
        while at < rows.end {
            let Some(line) = lines.next()? else { return Err(lines.wrong("is the last one")) };
            if line.trim_ascii().is_empty() {
                continue;
            }
            if at >= rows.start && self.row(line, &mut block, rounded).is_none() {
                return Err(lines
                    .wrong("is no row of counts")
                    .wanted(format!("a name and {} numbers", self.shape.1))
                    .help("a row is a cell, a column a gene"));
            }
            at += 1;
        }
        self.reading = Some((at, lines));
        Ok(block)
    }
}
