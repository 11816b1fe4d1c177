//! Tables of counts as text: comma- or tab-separated, dense, a cell a row or a gene a row.

mod rows;
mod side;

use std::path::Path;
use std::sync::Arc;

use mfdoom_error::Result;

use self::rows::{TableRows, TurnedRows, header, number, unquoted};
use self::side::Side;
use super::composed::{Composed, Features, Names, Opener, Part};
use super::text::{Lines, Texts};
use super::{Content, Format, Found};
use crate::file::CountsFile;
use crate::source::Source;

/// Most columns of a table.
const MAX_COLUMNS: usize = 1 << 20;

/// Tables of counts, `.csv` and `.tsv`, perhaps gzip.
#[derive(Debug)]
pub(super) struct TextTable;

impl Format for TextTable {
    fn name(&self) -> &'static str {
        "table of counts (.csv, .tsv)"
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
        let Table { delimiter, columns, rows } = Table::look(&found.path)?;
        let file = found.place.file();
        let (by_row, by_column) = (Side::of(rows.iter()), Side::of(columns.iter()));
        let turned = by_column.cells_against(&by_row);
        let (shape, path) = ((rows.len(), columns.len()), found.path.clone());
        let (cells, genes, open): (Texts, Texts, Opener) = if turned {
            tracing::info!("{file}: a gene a row, as its names tell");
            (columns, rows, Box::new(move || Ok(Box::new(TurnedRows::new(&path, delimiter, shape)))))
        } else {
            if !by_row.cells_against(&by_column) {
                tracing::warn!(
                    "{file}: a row is taken for a cell: names do not tell; turn it round if it is a gene"
                );
            }
            (rows, columns, Box::new(move || Ok(Box::new(TableRows::new(&path, delimiter, shape)))))
        };
        let genes = genes.iter().map(str::to_owned).collect();
        let features = Arc::new(Features::new(genes, None, None));
        Ok(Box::new(Composed {
            parts: vec![found.path],
            place: found.place,
            format: self.name(),
            cells: Names::Held(cells),
            obs: Vec::new(),
            matrices: vec![Part { source: Source::X, features, open }],
        }))
    }
}

fn delimiter(header: &[u8]) -> Option<u8> {
    [b'\t', b','].into_iter().find(|delimiter| header.contains(delimiter))
}

/// Names of a table, read in one pass that looks at nothing but the first field of each line.
struct Table {
    delimiter: u8,
    columns: Texts,
    rows: Texts,
}

impl Table {
    fn look(path: &Path) -> Result<Self> {
        let mut lines = Lines::open(path)?;
        let header = header(&mut lines)?;
        let Some(delimiter) = delimiter(&header) else {
            return Err(lines.wrong("names no columns").wanted("names separated by commas or tabs"));
        };
        let mut names: Vec<&[u8]> = header.split(|byte| *byte == delimiter).map(unquoted).collect();
        let mut rows = Texts::default();
        let mut width = None;
        while let Some(line) = lines.next()? {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let first = memchr::memchr(delimiter, line).map_or(line, |end| &line[..end]);
            rows.push(unquoted(first));
            if width.is_none() {
                width = Some(line.split(|byte| *byte == delimiter).count());
            }
        }
        // R leaves out the name of the first column.
        let width = width.unwrap_or(names.len());
        if width == names.len() && !names.is_empty() {
            names.remove(0);
        } else if width != names.len() + 1 {
            return Err(lines
                .wrong("has another number of fields than the header")
                .found(width.to_string())
                .wanted(format!("{} or {}", names.len(), names.len() + 1)));
        }
        if names.len() > MAX_COLUMNS {
            return Err(lines
                .wrong("has more fields than a table may have")
                .found(names.len().to_string())
                .wanted(format!("{MAX_COLUMNS} columns"))
                .help("write the counts as .h5ad"));
        }
        let mut columns = Texts::default();
        names.into_iter().for_each(|name| columns.push(name));
        Ok(Self { delimiter, columns, rows })
    }
}
