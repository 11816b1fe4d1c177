//! Entries of a Matrix Market file, one after the other.

use mfdoom_error::{Error, Result};

use super::{CellAxis, Form, Mtx};
use crate::formats::text::Lines;
use crate::place::Place;

/// One entry.
pub(super) struct Entry {
    pub(super) cell: u32,
    pub(super) feature: u32,
    pub(super) value: f64,
}

/// Entries, read one after the other.
#[derive(Debug)]
pub(super) struct Entries {
    lines: Lines,
    read: usize,
    cells: CellAxis,
    value: usize,
    mtx: Mtx,
    /// The other half of the entry that was read last, of a symmetric matrix.
    mirrored: Option<Entry>,
    /// Whether the lines of header and size are behind.
    begun: bool,
}

impl Entries {
    /// Opens the file again.
    pub(super) fn new(mtx: &Mtx, cells: CellAxis, value: usize) -> Result<Self> {
        let lines = Lines::open(&mtx.path)?;
        Ok(Self { lines, read: 0, cells, value, mtx: mtx.clone(), mirrored: None, begun: false })
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

    /// Returns the next entry; none behind the last one.
    ///
    /// # Errors
    /// Contract: a line that is no entry, one outside the matrix, or another number of them than the header says.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Entry>> {
        if !self.begun {
            self.begin()?;
        }
        if self.mirrored.is_some() {
            return Ok(self.mirrored.take());
        }
        let with_place = matches!(self.mtx.form, Form::Entries | Form::Symmetric);
        let quick = if with_place { quick(self.lines.held(), self.value) } else { None };
        let parsed = match quick {
            Some((parsed, len)) => {
                self.lines.pass(len);
                Some(parsed)
            }
            None => match self.slowly()? {
                Some(parsed) => parsed,
                None => return Ok(None),
            },
        };
        self.read += 1;
        if self.read > self.mtx.nnz {
            return Err(self.number_of_entries(self.read));
        }
        let Some((row, column, value)) = parsed else {
            return Err(self.wrong("is no entry of the matrix").wanted("row, column and value"));
        };
        let (rows, columns) = self.mtx.shape;
        if row == 0 || column == 0 || row > rows || column > columns {
            return Err(self
                .wrong("is outside the matrix")
                .found(format!("row {row}, column {column}"))
                .wanted(format!("1 to {rows} and 1 to {columns}")));
        }
        let (row, column) = ((row - 1) as u32, (column - 1) as u32);
        let (cell, feature) = if self.cells == CellAxis::Columns { (column, row) } else { (row, column) };
        if self.mtx.form == Form::Symmetric && row != column {
            self.mirrored = Some(Entry { cell: feature, feature: cell, value });
        }
        Ok(Some(Entry { cell, feature, value }))
    }

    /// Reads the next line that is not empty, in whatever way its numbers are written; nothing inside where it is no
    /// entry, nothing at all behind the last one.
    #[inline(never)]
    fn slowly(&mut self) -> Result<Option<Option<(usize, usize, f64)>>> {
        loop {
            let Some(line) = self.lines.next()? else {
                if self.read == self.mtx.nnz {
                    return Ok(None);
                }
                return Err(self.number_of_entries(self.read));
            };
            if line.is_empty() {
                continue;
            }
            return Ok(Some(match self.mtx.form {
                Form::Array => {
                    let rows = self.mtx.shape.0.max(1);
                    number(line.trim_ascii()).map(|value| (self.read % rows + 1, self.read / rows + 1, value))
                }
                form => parse(line, self.value, form == Form::Pattern),
            }));
        }
    }

    /// The error for the entry that was read last.
    pub(super) fn wrong(&self, what: &str) -> Error {
        self.lines.wrong(what)
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

/// Reads `row column value...` as nearly all files have it: integers with one blank between; and the bytes of the line.
#[inline]
fn quick(lines: &[u8], value: usize) -> Option<((usize, usize, f64), usize)> {
    let mut at = 0;
    let row = digits(lines, &mut at)?;
    blank(lines, &mut at)?;
    let column = digits(lines, &mut at)?;
    blank(lines, &mut at)?;
    for _ in 0..value {
        digits(lines, &mut at)?;
        blank(lines, &mut at)?;
    }
    let count = digits(lines, &mut at)?;
    while value > 0 && lines.get(at) == Some(&b' ') {
        at += 1;
        digits(lines, &mut at)?;
    }
    at += usize::from(lines.get(at) == Some(&b'\r'));
    (lines.get(at) == Some(&b'\n')).then_some(((row, column, count as f64), at + 1))
}

/// Reads up to 15 digits, which a double holds.
#[inline]
fn digits(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let start = *at;
    let mut number = 0;
    while let Some(digit) = bytes.get(*at).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        if *at - start == 15 {
            return None;
        }
        number = number * 10 + usize::from(digit);
        *at += 1;
    }
    (*at > start).then_some(number)
}

#[inline]
fn blank(bytes: &[u8], at: &mut usize) -> Option<()> {
    *at += 1;
    matches!(bytes.get(*at - 1), Some(b' ' | b'\t')).then_some(())
}

/// Reads `row column value...`.
fn parse(line: &[u8], value: usize, pattern: bool) -> Option<(usize, usize, f64)> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (row, column) = (integer(words.next()?)?, integer(words.next()?)?);
    if pattern {
        return Some((row, column, 1.0));
    }
    Some((row, column, number(words.nth(value)?)?))
}

fn number(word: &[u8]) -> Option<f64> {
    match integer(word) {
        Some(count) if count <= 1 << 53 => Some(count as f64),
        _ => std::str::from_utf8(word).ok()?.parse().ok(),
    }
}

fn integer(word: &[u8]) -> Option<usize> {
    if word.is_empty() || word.len() > 18 {
        return None;
    }
    word.iter().try_fold(0usize, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + usize::from(byte - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_entries_are_read_at_once_and_others_line_by_line() {
        let entry = |value: f64, len| Some(((12, 3, value), len));
        assert_eq!(quick(b"12 3 45\n6", 0), entry(45.0, 8));
        assert_eq!(quick(b"12\t3 45\r\n", 0), entry(45.0, 9));
        assert_eq!(quick(b"12 3 4 5 6\n", 1), entry(5.0, 11));
        for other in
            ["12 3 4.5\n", "12  3 4\n", "12 3 4", "12 3\n", " 12 3 4\n", "12 3 4 5\n", "12 3 4 \n", "\n", ""]
        {
            assert_eq!(quick(other.as_bytes(), 0), None, "{other:?}");
        }
        assert_eq!(quick(b"1 1 9999999999999999\n", 0), None, "more digits than a double has");
        assert_eq!(parse(b" 12  3\t4e1 ", 0, false), Some((12, 3, 40.0)));
    }
}
