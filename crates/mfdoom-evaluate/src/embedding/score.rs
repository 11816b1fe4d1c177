//! Every metric of every head and baseline on every set of cells.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use mfdoom_error::Result;
use mfdoom_matrix::{Matrix, subsample};
use mfdoom_metrics::{Folds, stratified_folds};
use serde::Serialize;

use super::Setup;
use super::input::HeadVectors;
use super::labels::{Confusion, codes, confusion};
use super::sets::{Candidate, CellSet, candidates, sets};
use crate::metric::embedding::{Reference, Settings, View};
use crate::metric::pair::Pair;
use crate::metric::{self, embedding, pair};
use crate::scores::{Document, Kind, Place};

/// Most cells that are sought in another head, drawn by the seed: cost grows with the square.
const PAIRED: usize = 20_000;

/// Share of cells found among the first k of another head.
#[derive(Serialize)]
struct Curve {
    head: String,
    against: String,
    points: Vec<(usize, f64)>,
}

/// Adds all scores to a document.
///
/// # Errors
/// Failed: numbers that do not fit each other.
pub(super) fn document(setup: &Setup<'_>, mut document: Document) -> Result<Document> {
    let candidates = candidates(&setup.cells, setup.counts.as_ref());
    let mut confusions = Vec::new();
    for set in sets(&setup.usable, &candidates, &setup.cells.groups) {
        Comparison::new(setup, set).score(&candidates, &mut document, &mut confusions);
    }
    let curves = pairs(setup, &mut document);
    document.detail("confusion", &confusions)?;
    document.detail("retrieval_curves", &curves)?;
    Ok(document)
}

/// A set of cells with labels, batches and folds.
struct Comparison<'a> {
    setup: &'a Setup<'a>,
    set: CellSet,
    labels: Vec<u32>,
    batches: Result<Vec<u32>, String>,
    folds: Result<Folds, String>,
}

impl<'a> Comparison<'a> {
    fn new(setup: &'a Setup<'a>, set: CellSet) -> Self {
        let labels = setup.labels.of(&set.rows);
        let batches = match &setup.cells.batches {
            None => Err("no batches: --batch-key".to_owned()),
            Some(column) => codes(set.rows.iter().map(|&row| column.values[row].as_deref()))
                .ok_or_else(|| format!("cells without a batch in {:?}", column.column)),
        };
        let folds = stratified_folds(&labels, setup.args.folds, setup.args.seed.seed)
            .map_err(|error| error.to_string());
        Self { setup, set, labels, batches, folds }
    }

    fn score(&self, candidates: &[Candidate<'_>], document: &mut Document, confusions: &mut Vec<Confusion>) {
        let complete =
            |candidate: &&Candidate<'_>| self.set.rows.iter().all(|&row| candidate.is_present(row));
        let found: Vec<(Place, Result<Matrix, String>)> =
            candidates.iter().filter(complete).map(|it| self.vectors(*it)).collect();
        let before = self.before(&found);
        let metrics = if self.setup.is_retention { embedding::retained() } else { embedding::all() };
        for (place, vectors) in &found {
            let vectors = match vectors {
                Ok(vectors) => vectors,
                Err(reason) => {
                    metric::refuse(&metrics, reason, place, &mut document.scores);
                    continue;
                }
            };
            let mut view = self.view(vectors.clone(), before.as_ref());
            view.reference = self.reference(place);
            view.whole = self.whole(place, &found);
            match view.obstacle() {
                Some(reason) => metric::refuse(&metrics, &reason, place, &mut document.scores),
                None => metric::score(&metrics, &view, place, &mut document.scores),
            }
            if let Some(predicted) = view.predicted.get() {
                let names = &self.setup.labels.names;
                confusions.push(confusion(place, names, &self.labels, predicted));
            }
        }
    }

    fn view<'v>(&'v self, vectors: Matrix, before: Result<&'v Matrix, &'v String>) -> View<'v> {
        let args = self.setup.args;
        let settings = Settings { voters: args.neighbors, seed: args.seed.seed };
        let mut view = View::new(vectors, &self.labels, settings);
        view.batches = self.batches.as_ref().map(Vec::as_slice).map_err(Clone::clone);
        view.before = before.map_err(Clone::clone);
        view.folds = self.folds.as_ref().map_err(Clone::clone);
        view
    }

    /// Returns the cells that labels are taken from, embedded from all of their modalities: those of other groups than the
    /// cells of the set are of; nothing where labels are taken from the other folds.
    fn reference(&self, place: &Place) -> Option<Reference> {
        let cells = &self.setup.cells;
        let is_reference = cells.groups.is_reference.as_ref()?;
        let whole = cells.heads.iter().find(|head| head.name == place.head && head.present.is_none())?;
        let group =
            |row: usize| cells.groups.column.as_ref().and_then(|column| column.values[row].as_deref());
        let own: BTreeSet<Option<&str>> = self.set.rows.iter().map(|&row| group(row)).collect();
        let other = |row: usize| {
            own.len() > 1 || own.is_empty() || !own.contains(&group(row)) || group(row).is_none()
        };
        let rows: Vec<usize> =
            self.setup.usable.iter().copied().filter(|&row| is_reference[row] && other(row)).collect();
        let labels = self.setup.labels.of(&rows);
        // Of a set with several groups, the cells of the reference are not asked for.
        let asked = |at: &usize| own.len() <= 1 || !is_reference[self.set.rows[*at]];
        let asked = (0..self.set.rows.len()).filter(asked).collect();
        Some(Reference { vectors: whole.vectors.select_rows(&rows), labels, asked })
    }

    /// Returns the place of the same head made from all modalities, for what is made from some.
    fn whole(&self, place: &Place, found: &[(Place, Result<Matrix, String>)]) -> Option<Place> {
        let cells = &self.setup.cells;
        let whole = cells.heads.iter().find(|head| head.name == place.head && head.present.is_none())?;
        let all = found.iter().find(|(other, _)| other.head == place.head && other.from == whole.from)?;
        (all.0.from != place.from).then(|| all.0.clone())
    }

    /// Returns the vectors of a head or baseline on these cells, or why there are none.
    fn vectors(&self, candidate: Candidate<'_>) -> (Place, Result<Matrix, String>) {
        let n = self.set.rows.len();
        match candidate {
            Candidate::Head(head) => {
                let place = Place::new(&self.set.name, &head.name, n).from(&head.from);
                (place, Ok(head.vectors.select_rows(&self.set.rows)))
            }
            Candidate::Counts(counts, plain) => {
                let args = self.setup.args;
                let from =
                    plain.modalities(counts).into_iter().map(|modality| counts.name(modality).to_owned());
                let place = Place::new(&self.set.name, &plain.name(counts, args), n).kind(Kind::Baseline);
                (place.from(&from.collect::<Vec<_>>()), plain.vectors(counts, &self.set.rows, args))
            }
        }
    }

    /// Returns the embedding that PCR is compared with: the head asked for, else PCA of the expression, else that of the
    /// first modality there is.
    fn before<'v>(&'v self, found: &'v [(Place, Result<Matrix, String>)]) -> Result<Matrix, String> {
        if let Some(before) = &self.setup.cells.before {
            return Ok(before.vectors.select_rows(&self.set.rows));
        }
        let is_plain = |place: &Place| place.kind == Kind::Baseline && place.head.starts_with("pca");
        let baselines = || found.iter().filter(|(place, vectors)| is_plain(place) && vectors.is_ok());
        let total = baselines().find(|(place, _)| place.from == ["expression"]);
        let chosen = total.or_else(|| baselines().next()).and_then(|(_, vectors)| vectors.as_ref().ok());
        chosen.cloned().ok_or_else(|| "no embedding before integration: --tokens or --before".to_owned())
    }
}

/// Scores every pair of heads on the cells that have both: all, and those of each group.
fn pairs(setup: &Setup<'_>, document: &mut Document) -> Vec<Curve> {
    let cells = &setup.cells;
    let everything: Vec<usize> = (0..cells.len()).collect();
    let mut curves = Vec::new();
    for set in sets(&everything, &[], &cells.groups) {
        for &(first, second) in &cells.pairs {
            let (first, second) = (&cells.heads[first], &cells.heads[second]);
            let both = |row: &usize| first.is_present(*row) && second.is_present(*row);
            let rows: Vec<usize> = set.rows.iter().copied().filter(both).collect();
            let drawn = subsample(rows.len(), PAIRED, setup.args.seed.seed);
            let rows: Vec<usize> = drawn.into_iter().map(|at| rows[at]).collect();
            if rows.is_empty() && set.name != "all" {
                continue;
            }
            let against =
                if first.name == second.name { second.from.join(" + ") } else { second.name.clone() };
            let place = Place::new(&set.name, &first.name, rows.len()).from(&first.from).against(&against);
            if let Some(points) = pair(setup, (first, second), &rows, &place, document) {
                let head =
                    if first.name == second.name { first.from.join(" + ") } else { first.name.clone() };
                if set.name == "all" {
                    curves.push(Curve { head, against, points });
                }
            }
        }
    }
    curves
}

/// Scores a pair of heads on some cells and returns the share of cells found among the first k.
fn pair(
    setup: &Setup<'_>,
    (first, second): (&HeadVectors, &HeadVectors),
    rows: &[usize],
    place: &Place,
    document: &mut Document,
) -> Option<Vec<(usize, f64)>> {
    let [one, other] = [first, second].map(|head| head.vectors.select_rows(rows));
    let labels: Vec<Option<u32>> = rows.iter().map(|&row| setup.labels.codes[row]).collect();
    let seed = setup.args.seed.seed;
    let view = Pair { first: &one, second: &other, labels: &labels, seed, curve: OnceLock::new() };
    match view.obstacle() {
        Some(reason) => metric::refuse(&pair::all(), &reason, place, &mut document.scores),
        None => metric::score(&pair::all(), &view, place, &mut document.scores),
    }
    view.curve.get().cloned()
}
