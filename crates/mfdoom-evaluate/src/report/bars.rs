//! Bars of what is left of a score from some of the modalities.

use serde::Serialize;

use crate::metric::RETENTION;
use crate::scores::{Scores, Table, shown};

/// Bars of one score on one set.
#[derive(Debug, Serialize)]
pub(super) struct Bars {
    title: String,
    set: String,
    bars: Vec<Bar>,
}

#[derive(Debug, Serialize)]
struct Bar {
    label: String,
    kind: crate::scores::Kind,
    value: f64,
    text: String,
    /// Width in per cent, of the longest bar or of 1.
    width: f64,
}

/// Returns the bars of every share of a score.
pub(super) fn bars(scores: &Scores) -> Vec<Bars> {
    let tables = Table::all(scores).into_iter().filter(|table| table.group == RETENTION);
    tables
        .flat_map(|table| (0..table.names.len()).filter_map(|column| of(&table, column)).collect::<Vec<_>>())
        .collect()
}

fn of(table: &Table<'_>, column: usize) -> Option<Bars> {
    let row = |line: usize| table.lines[line].1.get(column).copied().flatten();
    let lines: Vec<(usize, f64)> =
        (0..table.lines.len()).filter_map(|line| Some((line, row(line)?.value?))).collect();
    let most = lines.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    let bar = |&(line, value): &(usize, f64)| Bar {
        label: table.label(line),
        kind: table.lines[line].0.place.kind,
        value,
        text: shown(row(line)),
        width: (value / most * 1000.0).round() / 10.0,
    };
    let bars: Vec<Bar> = lines.iter().map(bar).collect();
    (!bars.is_empty()).then(|| Bars {
        title: table.names[column].title.to_owned(),
        set: table.set.to_owned(),
        bars,
    })
}
