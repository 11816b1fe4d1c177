//! Rows of a comma-separated file, each with its line number.

use mfdoom_error::{Error, Result};

/// A row: the number of its first line, from 1, and its fields.
pub type Row = (usize, Vec<String>);

/// Reads rows: fields may be quoted, `""` is a quote, spaces around a plain field are dropped.
///
/// A byte order mark, Windows line ends and lines without content are passed over, as spreadsheets leave them.
///
/// # Errors
/// Contract: a quote that is not closed, or text behind one; `source` names the file.
///
/// ```
/// let rows = mfdoom_preprocess::sheet::csv::rows("\u{feff}a,b\r\n\r\n1,\"x, y\"\r\n", "s.csv").unwrap();
/// assert_eq!(rows, [(1, vec!["a".into(), "b".into()]), (3, vec!["1".into(), "x, y".into()])]);
/// ```
pub fn rows(text: &str, source: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1;
    while !rest.is_empty() {
        let (fields, left) =
            row(rest).map_err(|wrong| Error::contract(format!("{source}, line {line}: {wrong}")))?;
        if fields.iter().any(|field| !field.is_empty()) {
            rows.push((line, fields));
        }
        line += rest[..rest.len() - left.len()].matches('\n').count();
        rest = left;
    }
    Ok(rows)
}

/// Reads one row and returns what is left behind its end.
fn row(text: &str) -> Result<(Vec<String>, &str), &'static str> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let (field, left) = field(rest)?;
        fields.push(field);
        match left.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok((fields, left.strip_prefix('\n').unwrap_or(left))),
        }
    }
}

/// Reads one field and returns what is left from the comma or line end on.
fn field(text: &str) -> Result<(String, &str), &'static str> {
    let Some(mut rest) = text.trim_start_matches([' ', '\t']).strip_prefix('"') else {
        let end = text.find([',', '\n']).unwrap_or(text.len());
        return Ok((text[..end].trim().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    loop {
        let end = rest.find('"').ok_or("a quote is opened and not closed")?;
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                value.push('"');
                rest = next;
            }
            None => break,
        }
    }
    let rest = rest.trim_start_matches([' ', '\t', '\r']);
    match rest.is_empty() || rest.starts_with([',', '\n']) {
        true => Ok((value, rest)),
        false => Err("text stands behind a closing quote"),
    }
}
