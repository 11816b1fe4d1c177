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
    }
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
