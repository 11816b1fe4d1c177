//! Which cells are compared with which: everything in one comparison is scored on the same cells.

use super::baseline::Counts;
use super::input::{Cells, HeadVectors};
use super::labels::Labels;

/// Cells on which heads and baselines are compared.
pub(super) struct CellSet {
    pub(super) name: String,
    pub(super) rows: Vec<usize>,
}

/// What may be scored on a set of cells.
#[derive(Clone, Copy)]
pub(super) enum Candidate<'a> {
    Head(&'a HeadVectors),
    /// PCA of a modality of the tokens.
    Counts(&'a Counts, usize),
}

impl Candidate<'_> {
    /// Returns whether the candidate says something of a cell.
    pub(super) fn is_present(&self, row: usize) -> bool {
        match self {
            Self::Head(head) => head.is_present(row),
            Self::Counts(counts, modality) => counts.is_present(*modality, row),
        }
    }

    /// Returns the modality, for what belongs to one.
    fn modality(&self) -> Option<&str> {
        match self {
            Self::Head(head) => head.present.is_some().then_some(head.name.as_str()),
            Self::Counts(counts, modality) => Some(counts.name(*modality)),
        }
    }
}

/// Returns every candidate, heads first.
pub(super) fn candidates<'a>(cells: &'a Cells, counts: Option<&'a Counts>) -> Vec<Candidate<'a>> {
    let heads = cells.heads.iter().map(Candidate::Head);
    let baselines = counts.into_iter().flat_map(|counts| {
        (0..counts.n_modalities()).map(move |modality| Candidate::Counts(counts, modality))
    });
    heads.chain(baselines).collect()
}

/// Returns the cells with a label and, where tokens are given, with tokens.
pub(super) fn usable(labels: &Labels, counts: Option<&Counts>, n: usize) -> Vec<usize> {
    let has_tokens = |row: &usize| counts.is_none_or(|counts| counts.is_matched(*row));
    (0..n).filter(|&row| labels.codes[row].is_some()).filter(has_tokens).collect()
}

/// Returns the distinct sets: all usable cells, then for each modality those that have it.
pub(super) fn sets(usable: &[usize], candidates: &[Candidate<'_>]) -> Vec<CellSet> {
    let mut sets = vec![CellSet { name: "all".to_owned(), rows: usable.to_vec() }];
    for candidate in candidates {
        let Some(modality) = candidate.modality() else { continue };
        let rows: Vec<usize> = usable.iter().copied().filter(|&row| candidate.is_present(row)).collect();
        match sets.iter_mut().find(|set| set.rows == rows) {
            None if rows.is_empty() => {}
            None => sets.push(CellSet { name: format!("with {modality}"), rows }),
            Some(set) if set.name == "all" || set.name[5..].split(", ").any(|name| name == modality) => {}
            Some(set) => set.name = format!("{}, {modality}", set.name),
        }
    }
    sets
}
