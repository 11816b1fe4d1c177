//! The labels of the cells, as codes into sorted names.

use std::collections::{BTreeSet, HashMap};

use mfdoom_error::{Error, Result};
use serde::Serialize;

use super::baseline::BaselineCounts;
use super::input::{EmbeddedCells, need_column};
use crate::args::EmbeddingArgs;
use crate::scores::Place;

/// How many cells bear a label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct LabelCount {
    /// The label.
    pub(super) name: String,
    /// Cells.
    pub(super) n: usize,
}

/// Labels of cells next to those that their nearest cells give them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Confusion {
    set: String,
    head: String,
    from: Vec<String>,
    labels: Vec<String>,
    /// Cells of the label of the row that got that of the column.
    counts: Vec<Vec<usize>>,
}

/// Counts the cells of each label by the label that they got; labels without cells are left out.
pub(crate) fn confusion(place: &Place, names: &[String], labels: &[u32], predicted: &[u32]) -> Confusion {
    let mut all = vec![vec![0; names.len()]; names.len()];
    labels.iter().zip(predicted).for_each(|(&label, &got)| all[label as usize][got as usize] += 1);
    let there = |at: &usize| (0..names.len()).any(|other| all[*at][other] + all[other][*at] > 0);
    let kept: Vec<usize> = (0..names.len()).filter(there).collect();
    Confusion {
        set: place.set.clone(),
        head: place.head.clone(),
        from: place.from.clone(),
        labels: kept.iter().map(|&at| names[at].clone()).collect(),
        counts: kept.iter().map(|&row| kept.iter().map(|&column| all[row][column]).collect()).collect(),
    }
}

/// Returns names as codes into their sorted list; nothing when one lacks a name.
pub(crate) fn codes<'a>(names: impl Iterator<Item = Option<&'a str>>) -> Option<Vec<u32>> {
    let names: Vec<&str> = names.collect::<Option<_>>()?;
    let sorted: Vec<&str> = names.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    Some(names.iter().map(|name| sorted.partition_point(|other| other < name) as u32).collect())
}

/// Labels of all cells.
pub(super) struct Labels {
    pub(super) column: String,
    /// Names in order.
    pub(super) names: Vec<String>,
    /// Number of each cell's name.
    pub(super) codes: Vec<Option<u32>>,
}

impl Labels {
    /// Takes the label column of the embeddings, else of the tokens; without `--label` all cells have the same label.
    ///
    /// # Errors
    /// Contract: neither has the column, or no cell has a label.
    pub(super) fn find(
        args: &EmbeddingArgs,
        cells: &EmbeddedCells,
        counts: Option<&BaselineCounts>,
    ) -> Result<Self> {
        let Some(label) = &args.label else {
            return Ok(Self {
                column: "no label".to_owned(),
                names: vec!["all".to_owned()],
                codes: vec![Some(0); cells.len()],
            });
        };
        let found = match (&cells.labels, counts.and_then(|counts| counts.labels.as_ref())) {
            (Some(own), _) => own,
            (None, Some(labels)) => labels,
            (None, None) => {
                let mut columns = cells.columns.clone();
                let more = counts.map(|counts| counts.columns.as_slice()).unwrap_or_default();
                columns.extend(more.iter().filter(|name| !cells.columns.contains(name)).cloned());
                need_column(&columns, label, &cells.name, "--label")?;
                return Err(Error::contract(format!("{}: column {label:?} holds no labels", cells.name)));
            }
        };
        let names = found.names();
        if names.is_empty() {
            return Err(Error::contract(format!("{}: no cell has a label in {label:?}", cells.name))
                .help("name another column with --label"));
        }
        let code: HashMap<&String, u32> = names.iter().zip(0..).collect();
        let codes = found.values.iter().map(|value| value.as_ref().map(|name| code[name])).collect();
        Ok(Self { column: label.clone(), names, codes })
    }

    /// Returns the label of a cell.
    pub(super) fn name_of(&self, row: usize) -> Option<&str> {
        self.codes[row].map(|code| self.names[code as usize].as_str())
    }

    /// Returns the number of cells without a label.
    pub(super) fn n_without(&self) -> usize {
        self.codes.iter().filter(|code| code.is_none()).count()
    }

    /// Returns the labels of the given cells, which must have one.
    pub(super) fn of(&self, rows: &[usize]) -> Vec<u32> {
        rows.iter().filter_map(|&row| self.codes[row]).collect()
    }

    /// Returns how many of the given cells bear each label.
    pub(super) fn counts(&self, rows: &[usize]) -> Vec<LabelCount> {
        let mut n = vec![0; self.names.len()];
        self.of(rows).into_iter().for_each(|code| n[code as usize] += 1);
        self.names.iter().zip(n).map(|(name, n)| LabelCount { name: name.clone(), n }).collect()
    }
}
