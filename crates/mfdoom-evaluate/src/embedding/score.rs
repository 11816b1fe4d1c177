//! Every metric of every head and baseline on every set of cells.

use std::collections::{BTreeSet, HashMap};

use mfdoom_error::Result;
use mfdoom_matrix::Matrix;
use mfdoom_metrics::{Folds, stratified_folds};

use super::Setup;
use super::input::HeadVectors;
use super::labels::{Confusion, codes, confusion};
use super::pairs::pairs;
use super::sets::{Candidate, CellSet, candidates, sets};
use crate::counts::is_protein;
use crate::metric::embedding::{Reference, Settings, View};
use crate::metric::{self, embedding};
use crate::scores::{Document, Kind, Place};

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
    /// Where labels are taken from, where not from the other folds.
    teachers: Option<Teachers>,
}

/// Cells that labels are taken from.
struct Teachers {
    /// Labelled cells of other groups than that of the set; of a set of several groups, all.
    rows: Vec<usize>,
    /// Cells of the set that are asked for: those that are no teachers.
    asked: Vec<usize>,
}

/// A head or baseline on the cells of a set.
struct Embedded {
    place: Place,
    /// Vectors, or why there are none.
    vectors: Result<Matrix, String>,
    /// Vectors of the cells that labels are taken from.
    reference: Option<Reference>,
}

impl<'a> Comparison<'a> {
    fn new(setup: &'a Setup<'a>, set: CellSet) -> Self {
        let labels = setup.labels.of(&set.rows);
        let batches = match &setup.cells.batches {
            None => Err("no batches: --batch-key".to_owned()),
            Some(column) => codes(set.rows.iter().map(|&row| column.values[row].as_deref()))
                .ok_or_else(|| format!("cells without a batch in {:?}", column.column)),
        };
        let folds = stratified_folds(&labels, setup.args.scores.folds, setup.args.run.seed.seed)
            .map_err(|error| error.to_string());
        let teachers = Teachers::find(setup, &set);
        Self { setup, set, labels, batches, folds, teachers }
    }

    fn score(&self, candidates: &[Candidate<'_>], document: &mut Document, confusions: &mut Vec<Confusion>) {
        let complete =
            |candidate: &&Candidate<'_>| self.set.rows.iter().all(|&row| candidate.is_present(row));
        let found: Vec<Embedded> =
            candidates.iter().filter(complete).map(|candidate| self.embedded(*candidate)).collect();
        let before = self.before(&found);
        let places: Vec<Place> = found.iter().map(|embedded| embedded.place.clone()).collect();
        for Embedded { place, vectors, reference } in found {
            let metrics = match (self.setup.is_retention, self.whole_head(&place.head)) {
                (false, _) => embedding::all(),
                (true, None) => embedding::learnt(),
                (true, Some(_)) => embedding::retained(),
            };
            let vectors = match vectors {
                Ok(vectors) => vectors,
                Err(reason) => {
                    metric::refuse(&metrics, &reason, &place, &mut document.scores);
                    continue;
                }
            };
            let mut view = self.view(vectors, before.as_ref());
            view.reference = reference;
            view.whole = self.whole(&place, &places);
            match view.obstacle() {
                Some(reason) => metric::refuse(&metrics, &reason, &place, &mut document.scores),
                None => metric::score(&metrics, &view, &place, &mut document.scores),
            }
            if let (Some(predicted), Kind::Head) = (view.predicted.get(), place.kind) {
                let names = &self.setup.labels.names;
                confusions.push(confusion(&place, names, &self.labels, predicted));
            }
        }
    }

    fn view<'v>(&'v self, vectors: Matrix, before: Result<&'v Matrix, &'v String>) -> View<'v> {
        let args = self.setup.args;
        let settings = Settings { voters: args.scores.neighbors, seed: args.run.seed.seed };
        let mut view = View::new(vectors, &self.labels, settings);
        view.batches = self.batches.as_ref().map(Vec::as_slice).map_err(Clone::clone);
        view.before = before.map_err(Clone::clone);
        view.folds = self.folds.as_ref().map_err(Clone::clone);
        view
    }

    /// Returns the head of a name that is made from all modalities.
    fn whole_head(&self, name: &str) -> Option<&HeadVectors> {
        self.setup.cells.heads.iter().find(|head| head.name == name && head.is_whole())
    }

    /// Returns the place of the same head made from all modalities, for what is made from some.
    fn whole(&self, place: &Place, there: &[Place]) -> Option<Place> {
        let whole = self.whole_head(&place.head)?;
        if !self.set.rows.iter().any(|&row| whole.mixes(row)) {
            return None;
        }
        let all = there.iter().find(|other| other.head == place.head && other.from == whole.from)?;
        (all.from != place.from).then(|| all.clone())
    }

    /// Returns the vectors of a head or baseline on these cells, and on those that labels are taken from: of a head, embedded
    /// from all of their modalities; of a baseline, in the same components.
    fn embedded(&self, candidate: Candidate<'_>) -> Embedded {
        let rows = &self.set.rows;
        let (of, teachers) = (candidate.place(&self.set, self.setup.args), self.teachers.as_ref());
        match candidate {
            Candidate::Head(head) => {
                let whole = self.whole_head(&head.name);
                let reference = teachers.map(|teachers| {
                    let whole = whole.unwrap_or(head);
                    let known: Vec<usize> =
                        teachers.rows.iter().copied().filter(|&row| whole.is_present(row)).collect();
                    self.reference(whole.vectors.select_rows(&known), &known)
                });
                Embedded {
                    place: of,
                    vectors: Ok(head.vectors.select_rows(rows)),
                    reference: reference.flatten(),
                }
            }
            Candidate::Counts(counts, plain) => {
                let known = teachers.map_or(&[][..], |teachers| &teachers.rows);
                let known: Vec<usize> =
                    known.iter().copied().filter(|&row| candidate.is_present(row)).collect();
                let own: BTreeSet<usize> = rows.iter().copied().collect();
                let all: Vec<usize> =
                    rows.iter().chain(known.iter().filter(|row| !own.contains(row))).copied().collect();
                let place: HashMap<usize, usize> =
                    all.iter().enumerate().map(|(at, &row)| (row, at)).collect();
                let at: Vec<usize> = known.iter().map(|row| place[row]).collect();
                match plain.vectors(counts, &all, self.setup.args) {
                    Err(reason) => Embedded { place: of, vectors: Err(reason), reference: None },
                    Ok(found) => Embedded {
                        place: of,
                        reference: self.reference(found.select_rows(&at), &known),
                        vectors: Ok(found.select_rows(&(0..rows.len()).collect::<Vec<_>>())),
                    },
                }
            }
        }
    }

    /// Returns the cells that labels are taken from, of which vectors [m, d] are known.
    fn reference(&self, vectors: Matrix, rows: &[usize]) -> Option<Reference> {
        let asked = self.teachers.as_ref()?.asked.clone();
        Some(Reference { vectors, labels: self.setup.labels.of(rows), asked })
    }

    /// Returns the embedding that PCR is compared with: the head asked for, else PCA of the expression, else that of the
    /// first modality there is, genes before proteins.
    fn before(&self, found: &[Embedded]) -> Result<Matrix, String> {
        if let Some(before) = &self.setup.cells.before {
            return Ok(before.vectors.select_rows(&self.set.rows));
        }
        let is_plain = |place: &Place| place.kind == Kind::Baseline && place.head.starts_with("pca");
        let baselines = || found.iter().filter(|it| is_plain(&it.place) && it.vectors.is_ok());
        let total = baselines().find(|it| it.place.from == ["expression"]);
        let of_genes = || baselines().find(|it| !it.place.from.iter().any(|name| is_protein(name)));
        let chosen =
            total.or_else(of_genes).or_else(|| baselines().next()).and_then(|it| it.vectors.as_ref().ok());
        chosen.cloned().ok_or_else(|| "no embedding before integration: --tokens or --before".to_owned())
    }
}

impl Teachers {
    /// Finds them; nothing where labels are taken from the other folds.
    fn find(setup: &Setup<'_>, set: &CellSet) -> Option<Self> {
        let groups = &setup.cells.groups;
        let is_reference = groups.is_reference.as_ref()?;
        let group = |row: usize| groups.column.as_ref().and_then(|column| column.values[row].as_deref());
        let own: BTreeSet<Option<&str>> = set.rows.iter().map(|&row| group(row)).collect();
        // Cells of one group are taught by the others, all of them; else what is no teacher is asked for.
        let is_one = own.len() == 1 && !own.contains(&None);
        let teaches = |row: usize| is_reference[row] && !(is_one && own.contains(&group(row)));
        let rows = setup.usable.iter().copied().filter(|&row| teaches(row)).collect();
        let asked = (0..set.rows.len()).filter(|&at| !teaches(set.rows[at])).collect();
        Some(Self { rows, asked })
    }
}
