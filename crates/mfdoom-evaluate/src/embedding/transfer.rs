//! Label transfer of every head and baseline, on the same cells and folds.

use std::collections::BTreeMap;

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Matrix;
use mfdoom_metrics::{Folds, LabelTransfer, label_transfer, stratified_folds};

use super::baseline::Counts;
use super::input::Cells;
use super::labels::Labels;
use super::reduced::{components, failed};
use super::result::{CellSetScores, Fold, Score};
use super::sets::{Candidate, CellSet, candidates, sets};
use crate::args::EmbeddingArgs;

/// Checks that the usable cells can be scored at all.
pub(super) fn check(args: &EmbeddingArgs, labels: &Labels, usable: &[usize]) -> Result<()> {
    match obstacle(args, labels, usable) {
        None => Ok(()),
        Some(error) => Err(error),
    }
}

/// Returns what keeps a set of cells from being scored.
fn obstacle(args: &EmbeddingArgs, labels: &Labels, rows: &[usize]) -> Option<Error> {
    // The largest fold is left out of the cells that vote.
    let voters = rows.len() - rows.len().div_ceil(args.folds);
    if rows.len() < args.folds || voters < args.neighbors {
        return Some(
            Error::contract("too few cells with a label for label transfer")
                .found(format!("{} cells", rows.len()))
                .wanted(format!("{} neighbours outside each of {} folds", args.neighbors, args.folds))
                .help("lower --neighbors or --folds"),
        );
    }
    let counts = labels.counts(rows);
    let shared: Vec<&str> =
        counts.iter().filter(|label| label.n > 1).map(|label| label.name.as_str()).collect();
    if shared.len() < 2 {
        let found = match counts.iter().filter(|label| label.n > 0).count() {
            1 => format!("one label only: {}", shared.join(", ")),
            n => format!("{n} labels, {} of them with more than one cell", shared.len()),
        };
        return Some(
            Error::contract(format!("the labels in {:?} cannot be told apart", labels.column))
                .found(found)
                .wanted("at least two labels with two cells each")
                .help("name another column with --label"),
        );
    }
    None
}

/// Scores every candidate on every set of cells.
pub(super) fn score(
    args: &EmbeddingArgs,
    cells: &Cells,
    counts: Option<&Counts>,
    labels: &Labels,
    usable: &[usize],
) -> Result<Vec<CellSetScores>> {
    let candidates = candidates(cells, counts);
    let scored = |set: CellSet| {
        let (n, name) = (set.rows.len(), set.name.clone());
        if let Some(error) = obstacle(args, labels, &set.rows) {
            tracing::warn!("cells {name} are not scored: {error}");
            return Ok(CellSetScores {
                cells: name,
                n,
                skipped: Some(error.message().to_owned()),
                scores: vec![],
            });
        }
        let codes = labels.of(&set.rows);
        let folds =
            stratified_folds(&codes, args.folds, args.seed.seed).map_err(|error| failed(&name, error))?;
        let on = Comparison { args, labels, set: &set, codes, folds };
        let complete = |candidate: &&Candidate<'_>| set.rows.iter().all(|&row| candidate.is_present(row));
        let scores: Result<Vec<Option<Score>>> =
            candidates.iter().filter(complete).map(|it| on.score(*it)).collect();
        Ok(CellSetScores { cells: name, n, skipped: None, scores: scores?.into_iter().flatten().collect() })
    };
    sets(usable, &candidates).into_iter().map(scored).collect()
}

/// A set of cells with labels and folds.
struct Comparison<'a> {
    args: &'a EmbeddingArgs,
    labels: &'a Labels,
    set: &'a CellSet,
    codes: Vec<u32>,
    folds: Folds,
}

impl Comparison<'_> {
    fn score(&self, candidate: Candidate<'_>) -> Result<Option<Score>> {
        match candidate {
            Candidate::Head(head) => {
                self.transfer(&head.name, &head.vectors.select_rows(&self.set.rows), None).map(Some)
            }
            Candidate::Counts(counts, modality) => self.baseline(counts, modality),
        }
    }

    /// Scores PCA of the counts; nothing when the data sets measured no common gene.
    fn baseline(&self, counts: &Counts, modality: usize) -> Result<Option<Score>> {
        let name = format!("pca{}_{}", self.args.components, counts.name(modality));
        let genes = counts.common_genes(modality, &self.set.rows);
        if genes.is_empty() {
            tracing::warn!("no {name} for cells {}: their data sets share no gene", self.set.name);
            return Ok(None);
        }
        let (matrix, sizes) = counts.matrix(modality, &self.set.rows, &genes);
        let reduced = components(matrix, &sizes, self.args.components, self.args.seed.seed);
        let reduced = reduced.map_err(|error| failed(&name, error))?;
        self.transfer(&name, &reduced, Some(genes.len())).map(Some)
    }

    fn transfer(&self, name: &str, vectors: &Matrix, genes: Option<usize>) -> Result<Score> {
        let found = label_transfer(vectors, &self.codes, &self.folds, self.args.neighbors)
            .map_err(|error| failed(&format!("label transfer of {name}"), error))?;
        let fold = |fold: &mfdoom_metrics::FoldScore| Fold {
            n: fold.n,
            accuracy: fold.accuracy,
            balanced_accuracy: fold.balanced_accuracy,
        };
        Ok(Score {
            name: name.to_owned(),
            kind: if genes.is_some() { "baseline" } else { "head" },
            dim: vectors.n_cols(),
            genes,
            accuracy: found.accuracy,
            balanced_accuracy: found.balanced_accuracy,
            unscored: found.unscored,
            folds: found.folds.iter().map(fold).collect(),
            recall: self.recall(&found),
        })
    }

    fn recall(&self, found: &LabelTransfer) -> BTreeMap<String, f64> {
        let mut tally = vec![(0usize, 0usize); self.labels.names.len()];
        for (&code, &predicted) in self.codes.iter().zip(&found.predicted) {
            let (right, all) = &mut tally[code as usize];
            *all += 1;
            *right += usize::from(code == predicted);
        }
        let shares = self.labels.names.iter().zip(tally).filter(|(_, (_, all))| *all > 0);
        shares.map(|(name, (right, all))| (name.clone(), right as f64 / all as f64)).collect()
    }
}
