//! The rows drawn as tables, and as a parquet file.

use super::{Best, Name, Row, Scores};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use mfdoom_artifact::Output;
use mfdoom_artifact::table::{TableFormat, TableOptions, TableWriter, internal};
use mfdoom_error::Result;
use std::sync::Arc;

/// Scores of one kind on one set: things in rows, scores in columns.
pub(crate) struct Table<'a> {
    pub(crate) group: &'static str,
    pub(crate) set: &'a str,
    pub(crate) names: Vec<Name>,
    /// Heads that are made from other modalities elsewhere.
    several: Vec<&'a str>,
    /// First row of each thing, and its score of each name.
    pub(crate) lines: Vec<(&'a Row, Vec<Option<&'a Row>>)>,
}

impl<'a> Table<'a> {
    /// Returns one table for each set and group of scores, in the order of the rows.
    pub(crate) fn all(scores: &'a Scores) -> Vec<Self> {
        let mut tables: Vec<Self> = Vec::new();
        let several = several(scores);
        for row in scores.rows() {
            let place = |table: &Self| table.set == row.place.set && table.group == row.name.group;
            let at = tables.iter().position(place).unwrap_or_else(|| {
                tables.push(Self {
                    group: row.name.group,
                    set: &row.place.set,
                    several: several.clone(),
                    names: vec![],
                    lines: vec![],
                });
                tables.len() - 1
            });
            tables[at].add(row);
        }
        tables
    }

    fn add(&mut self, row: &'a Row) {
        let name = self.names.iter().position(|name| *name == row.name).unwrap_or_else(|| {
            self.names.push(row.name);
            self.names.len() - 1
        });
        let line = self.lines.iter().position(|(first, _)| first.place.is_same(&row.place));
        let line = line.unwrap_or_else(|| {
            self.lines.push((row, Vec::new()));
            self.lines.len() - 1
        });
        let cells = &mut self.lines[line].1;
        cells.resize(cells.len().max(name + 1), None);
        cells[name] = Some(row);
    }

    /// Returns the best value in a column, where there is more than one.
    pub(crate) fn best(&self, column: usize) -> Option<f64> {
        let values = self.lines.iter().filter_map(|(_, cells)| cells.get(column).copied().flatten()?.value);
        let better = match self.names[column].best {
            Best::Highest => f64::max,
            Best::Lowest => f64::min,
            Best::Neither => return None,
        };
        (self.lines.len() > 1).then(|| values.reduce(better)).flatten()
    }

    /// Returns what stands before the scores of a thing: its name, what it was made from and compared with.
    pub(crate) fn label(&self, line: usize) -> String {
        let place = &self.lines[line].0.place;
        let mut label = place.head.clone();
        if self.several.contains(&place.head.as_str()) && !place.from.is_empty() {
            label += &format!(" from {}", place.from.join(" + "));
        }
        if let Some(against) = &place.against {
            label += &format!(" – {against}");
        }
        label
    }
}

/// Returns the heads of which there are rows made from one set of modalities and from another.
fn several(scores: &Scores) -> Vec<&str> {
    let mut first: Vec<&Row> = Vec::new();
    let mut several: Vec<&str> = Vec::new();
    for row in scores.rows() {
        let head = row.place.head.as_str();
        match first.iter().find(|other| other.place.head == head) {
            None => first.push(row),
            Some(other) if other.place.from != row.place.from && !several.contains(&head) => {
                several.push(head)
            }
            Some(_) => {}
        }
    }
    several
}

/// Writes the rows as a parquet file.
///
/// # Errors
/// Failed, when it cannot be written.
pub(crate) fn write_parquet(output: &Output, scores: &Scores) -> Result<()> {
    let text = |of: fn(&Row) -> Option<String>| -> ArrayRef {
        Arc::new(scores.rows().iter().map(of).collect::<StringArray>())
    };
    let number = |of: fn(&Row) -> Option<f64>| -> ArrayRef {
        Arc::new(scores.rows().iter().map(of).collect::<Float64Array>())
    };
    let n = scores.rows().iter().map(|row| row.place.n as i64).collect::<Int64Array>();
    let kind = |row: &Row| serde_json::to_value(row.place.kind).ok()?.as_str().map(str::to_owned);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("set", text(|row| Some(row.place.set.clone()))),
        ("head", text(|row| Some(row.place.head.clone()))),
        ("kind", text(kind)),
        ("from", text(|row| Some(row.place.from.join("+")))),
        ("against", text(|row| row.place.against.clone())),
        ("n", Arc::new(n)),
        ("name", text(|row| Some(row.name.key.to_owned()))),
        ("value", number(|row| row.value)),
        ("reason", text(|row| row.reason.clone())),
        ("low", number(|row| row.low)),
        ("high", number(|row| row.high)),
    ];
    let field = |(name, array): &(&str, ArrayRef)| {
        let optional = !matches!(*name, "set" | "head" | "kind" | "from" | "n" | "name");
        Field::new(*name, array.data_type().clone(), optional)
    };
    debug_assert!(columns.iter().all(|(_, array)| *array.data_type() != DataType::Null));
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(schema.clone(), arrays).map_err(internal)?;
    let mut writer = TableWriter::create(output, schema, TableOptions::new(TableFormat::Parquet))?;
    writer.write(&batch)?;
    writer.finish()?;
    Ok(())
}
