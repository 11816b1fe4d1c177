//! Tables of scores as a page shows them.

use serde::Serialize;

use crate::scores::{Best, Kind, Row, Scores, Table, shown};

/// A table of scores.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    title: String,
    set: String,
    columns: Vec<Column>,
    lines: Vec<Line>,
    reasons: Vec<Missing>,
}

/// Scores that cannot be computed, with the one reason that they share.
#[derive(Debug, Serialize)]
struct Missing {
    reason: String,
    columns: Vec<&'static str>,
    /// What they are missing of; empty where it is everything in the table.
    of: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Column {
    key: &'static str,
    title: &'static str,
    best: &'static str,
}

#[derive(Debug, Serialize)]
struct Line {
    label: String,
    kind: Kind,
    n: usize,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    text: String,
    value: Option<f64>,
    low: Option<String>,
    high: Option<String>,
    reason: Option<String>,
    is_best: bool,
}

/// Returns the tables of all scores.
pub(super) fn tables(scores: &Scores) -> Vec<Shown> {
    Table::all(scores).iter().map(table).collect()
}

fn table(table: &Table<'_>) -> Shown {
    let best: Vec<Option<f64>> = (0..table.names.len()).map(|column| table.best(column)).collect();
    let column = |name: &crate::scores::Name| Column {
        key: name.key,
        title: name.title,
        best: match name.best {
            Best::Highest => "higher is better",
            Best::Lowest => "lower is better",
            Best::Neither => "",
        },
    };
    let line = |(at, (first, cells)): (usize, &(&Row, Vec<Option<&Row>>))| Line {
        label: table.label(at),
        kind: first.place.kind,
        n: first.place.n,
        cells: best
            .iter()
            .enumerate()
            .map(|(column, best)| cell(cells.get(column).copied().flatten(), *best))
            .collect(),
    };
    Shown {
        title: table.group.to_owned(),
        set: table.set.to_owned(),
        columns: table.names.iter().map(column).collect(),
        lines: table.lines.iter().enumerate().map(line).collect(),
        reasons: reasons(table),
    }
}

/// Returns the reasons of all dashes, each once.
fn reasons(table: &Table<'_>) -> Vec<Missing> {
    let mut all: Vec<Missing> = Vec::new();
    for (at, (_, cells)) in table.lines.iter().enumerate() {
        for (row, name) in cells.iter().zip(&table.names) {
            let Some(reason) = row.and_then(|row| row.reason.as_ref()) else { continue };
            let found = all.iter().position(|missing| missing.reason == *reason).unwrap_or(all.len());
            if found == all.len() {
                all.push(Missing { reason: reason.clone(), columns: Vec::new(), of: Vec::new() });
            }
            let missing = &mut all[found];
            if !missing.columns.contains(&name.title) {
                missing.columns.push(name.title);
            }
            let label = table.label(at);
            if !missing.of.contains(&label) {
                missing.of.push(label);
            }
        }
    }
    all.iter_mut()
        .filter(|missing| missing.of.len() == table.lines.len())
        .for_each(|missing| missing.of.clear());
    all
}

fn cell(row: Option<&Row>, best: Option<f64>) -> Cell {
    let end = |value: Option<f64>| value.map(|value| format!("{value:.3}"));
    let value = row.and_then(|row| row.value);
    Cell {
        text: shown(row),
        value,
        low: row.and_then(|row| end(row.low)),
        high: row.and_then(|row| end(row.high)),
        reason: row.and_then(|row| row.reason.clone()),
        is_best: value.is_some() && value == best,
    }
}
