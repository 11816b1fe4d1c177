//! Which cells are compared with which: everything in one comparison is scored on the same cells.

use std::collections::BTreeSet;

use super::baseline::BaselineCounts;
use super::input::{EmbeddedCells, Groups, HeadVectors};
use super::labels::Labels;
use super::plain::Plain;
use crate::args::EmbeddingArgs;
use crate::scores::{Kind, Place};

/// Cells on which heads and baselines are compared.
pub(super) struct CellSet {
    pub(super) name: String,
    pub(super) rows: Vec<usize>,
}

/// What may be scored on a set of cells.
#[derive(Clone, Copy)]
pub(super) enum Candidate<'a> {
    Head(&'a HeadVectors),
    /// A plain embedding of the tokens.
    Counts(&'a BaselineCounts, Plain),
}

impl Candidate<'_> {
    /// Returns whether the candidate says something of a cell.
    pub(super) fn is_present(&self, row: usize) -> bool {
        match self {
            Self::Head(head) => head.is_present(row),
            Self::Counts(counts, plain) => {
                plain.modalities(counts).into_iter().all(|modality| counts.is_present(modality, row))
            }
        }
    }

    /// Returns where its scores on a set stand.
    pub(super) fn place(&self, set: &CellSet, args: &EmbeddingArgs) -> Place {
        let n = set.rows.len();
        match self {
            Self::Head(head) => Place::new(&set.name, &head.name, n).kind(head.kind).from(&head.from),
            Self::Counts(counts, plain) => {
                let from = plain.modalities(counts).into_iter().map(|at| counts.name(at).to_owned());
                let place = Place::new(&set.name, &plain.name(counts, args), n).kind(Kind::Baseline);
                place.from(&from.collect::<Vec<_>>())
            }
        }
    }

    /// Returns the modalities, for what is made from some.
    fn modalities(&self) -> Option<String> {
        match self {
            Self::Head(head) => head.present.is_some().then(|| head.from.join(" + ")),
            Self::Counts(counts, plain) => {
                let names = plain.modalities(counts).into_iter().map(|modality| counts.name(modality));
                Some(names.collect::<Vec<_>>().join(" + "))
            }
        }
    }
}

/// Returns every candidate, heads first.
pub(super) fn candidates<'a>(
    cells: &'a EmbeddedCells,
    counts: Option<&'a BaselineCounts>,
) -> Vec<Candidate<'a>> {
    let heads = cells.heads.iter().map(Candidate::Head);
    let baselines = counts
        .into_iter()
        .flat_map(|counts| Plain::all(counts).into_iter().map(move |plain| Candidate::Counts(counts, plain)));
    heads.chain(baselines).collect()
}

/// Returns the cells with a label and, where tokens are given, with tokens.
pub(super) fn usable(labels: &Labels, counts: Option<&BaselineCounts>, n: usize) -> Vec<usize> {
    let has_tokens = |row: &usize| counts.is_none_or(|counts| counts.is_matched(*row));
    (0..n).filter(|&row| labels.codes[row].is_some()).filter(has_tokens).collect()
}

/// Returns the distinct sets: all usable cells, then for what is made from some modalities the cells that have these; and
/// the same of every group.
pub(super) fn sets(usable: &[usize], candidates: &[Candidate<'_>], groups: &Groups) -> Vec<CellSet> {
    let mut sets = within("all", usable, candidates);
    let Some(column) = &groups.column else { return sets };
    let names: BTreeSet<&str> = usable.iter().filter_map(|&row| column.values[row].as_deref()).collect();
    for name in names {
        let rows: Vec<usize> =
            usable.iter().copied().filter(|&row| column.values[row].as_deref() == Some(name)).collect();
        sets.extend(within(&format!("{}={name}", column.column), &rows, candidates));
    }
    sets
}

fn within(name: &str, usable: &[usize], candidates: &[Candidate<'_>]) -> Vec<CellSet> {
    let mut sets = vec![CellSet { name: name.to_owned(), rows: usable.to_vec() }];
    let mut with: Vec<Vec<String>> = vec![Vec::new()];
    for candidate in candidates {
        let Some(modalities) = candidate.modalities() else { continue };
        let rows: Vec<usize> = usable.iter().copied().filter(|&row| candidate.is_present(row)).collect();
        match sets.iter().position(|set| set.rows == rows) {
            None if rows.is_empty() => {}
            None => {
                sets.push(CellSet { name: String::new(), rows });
                with.push(vec![modalities]);
            }
            Some(0) => {}
            // What is made from several is no news where one of them says it.
            Some(at) if with[at].contains(&modalities) || modalities.contains(" + ") => {}
            Some(at) => with[at].push(modalities),
        }
    }
    let prefix = if name == "all" { String::new() } else { format!("{name}, ") };
    for (set, with) in sets.iter_mut().zip(with).skip(1) {
        set.name = format!("{prefix}with {}", with.join(", "));
    }
    sets
}
