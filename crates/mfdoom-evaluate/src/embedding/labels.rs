//! The labels of the cells, as codes into sorted names.

use std::collections::BTreeSet;

use mfdoom_error::{Error, Result};

use super::baseline::Counts;
use super::input::{Cells, need_column};
use super::result::LabelCount;
use crate::args::EmbeddingArgs;

/// Labels of all cells.
pub(super) struct Labels {
    pub(super) column: String,
    /// Names in order.
    pub(super) names: Vec<String>,
    /// Number of each cell's name.
    pub(super) codes: Vec<Option<u32>>,
}

impl Labels {
    /// Takes the label column of the embeddings, else of the tokens.
    ///
    /// # Errors
    /// Contract: neither has the column, or no cell has a label.
    pub(super) fn find(args: &EmbeddingArgs, cells: &Cells, counts: Option<&Counts>) -> Result<Self> {
        let values = match (&cells.labels, counts.and_then(|counts| counts.labels.as_ref())) {
            (Some(own), _) => &own.values,
            (None, Some(labels)) => labels,
            (None, None) => {
                let mut columns = cells.columns.clone();
                let more = counts.map(|counts| counts.columns.as_slice()).unwrap_or_default();
                columns.extend(more.iter().filter(|name| !cells.columns.contains(name)).cloned());
                need_column(&columns, &args.label, &cells.name, "--label")?;
                return Err(Error::contract(format!(
                    "{}: column {:?} holds no labels",
                    cells.name, args.label
                )));
            }
        };
        let names: BTreeSet<&String> = values.iter().flatten().collect();
        if names.is_empty() {
            return Err(Error::contract(format!("{}: no cell has a label in {:?}", cells.name, args.label))
                .help("name another column with --label"));
        }
        let names: Vec<String> = names.into_iter().cloned().collect();
        let code = |name: &String| names.binary_search(name).ok().map(|code| code as u32);
        let codes = values.iter().map(|value| value.as_ref().and_then(code)).collect();
        Ok(Self { column: args.label.clone(), names, codes })
    }

    /// Returns the label of a cell.
    pub(super) fn name_of(&self, row: usize) -> Option<&str> {
        self.codes[row].map(|code| self.names[code as usize].as_str())
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
