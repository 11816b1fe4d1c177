//! Rows of a comma-separated file, each with its line number.

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use mfdoom_error::{Error, Result};

/// A row: the number of its first line, from 1, and its fields.
pub type Row = (usize, Vec<String>);

/// Reads rows: fields may be quoted, `""` is a quote, spaces around fields are dropped.
///
/// A byte order mark, Windows line ends and lines without content are passed over, as spreadsheets leave them.
///
/// # Errors
/// Contract: a quote that is not closed; `source` names the file.
///
/// ```
/// let rows = mfdoom_preprocess::sheet::rows::read("\u{feff}a,b\r\n\r\n1 ,\"x, y\"\r\n", "s.csv").unwrap();
/// assert_eq!(rows, [(1, vec!["a".into(), "b".into()]), (3, vec!["1".into(), "x, y".into()])]);
/// ```
pub fn read(text: &str, source: &str) -> Result<Vec<Row>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(line) = open_quote(text) {
        return Err(Error::contract(format!("{source}, line {line}: a quote is opened and not closed")));
    }
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| wrong(&error, source))? {
        let fields: Vec<String> = record.iter().map(|field| field.trim().to_owned()).collect();
        if fields.iter().any(|field| !field.is_empty()) {
            let start = record.position().map_or(0, |position| position.byte() as usize);
            rows.push((line_of(text, start), fields));
        }
    }
    Ok(rows)
}

fn wrong(error: &csv::Error, source: &str) -> Error {
    let what = match error.kind() {
        ErrorKind::Utf8 { .. } => "not UTF-8 text".to_owned(),
        _ => error.to_string(),
    };
    Error::contract(format!("{source}: {what}")).wanted("comma-separated values")
}

/// The line of a record: its position is where the library began to look, which may be a line without content.
fn line_of(text: &str, start: usize) -> usize {
    let blank = text[start..].len() - text[start..].trim_start_matches(['\r', '\n']).len();
    1 + text[..start + blank].matches('\n').count()
}

/// The line of a quote that is not closed: the library takes the rest of the file as its field.
fn open_quote(text: &str) -> Option<usize> {
    let last = text.rfind('"').filter(|_| !text.matches('"').count().is_multiple_of(2))?;
    Some(1 + text[..last].matches('\n').count())
}
