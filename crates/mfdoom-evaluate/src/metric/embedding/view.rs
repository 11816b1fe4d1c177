//! One embedding of labelled cells, with what several scores need of it.

use std::sync::OnceLock;

use mfdoom_matrix::nearest::approximate;
use mfdoom_matrix::{Matrix, Metric, Neighbors, knn};
use mfdoom_metrics::{Folds, lisi_of_each};

use crate::scores::Place;

/// Nearest other cells, found once for all scores: scib-metrics takes 90 with the cell itself.
const NEAREST: usize = 89;
/// Effective number of neighbours of LISI: a third of 90.
const PERPLEXITY: f64 = 30.0;
/// Up to so many cells every pair is looked at; above, the approximate search is faster, also for so many neighbours.
const EXACT: usize = 30_000;

/// What decides the numbers.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// Neighbours that vote on a label.
    pub(crate) voters: usize,
    /// Seed of every random stream.
    pub(crate) seed: u64,
}

/// Cells that labels are taken from, where those are not the cells of other folds.
pub(crate) struct Reference {
    /// Vectors, [m, d].
    pub(crate) vectors: Matrix,
    /// Labels, [m].
    pub(crate) labels: Vec<u32>,
    /// Cells of the view that are asked for.
    pub(crate) asked: Vec<usize>,
}

/// An embedding and what is known of its cells.
pub(crate) struct View<'a> {
    /// Vectors, [n, d], all finite.
    pub(crate) vectors: Matrix,
    /// Label of each cell.
    pub(crate) labels: &'a [u32],
    /// Batch of each cell, or why there are none.
    pub(crate) batches: Result<&'a [u32], String>,
    /// The embedding before integration, [n, d], or why there is none.
    pub(crate) before: Result<&'a Matrix, String>,
    /// Folds of the cells, or why there are none.
    pub(crate) folds: Result<&'a Folds, String>,
    /// Cells that labels are taken from, where not from other folds.
    pub(crate) reference: Option<Reference>,
    /// Where the same head made from all modalities stands, for what is made from some.
    pub(crate) whole: Option<Place>,
    /// What decides the numbers.
    pub(crate) settings: Settings,
    /// Label that the nearest cells give to each cell, once label transfer has found it.
    pub(crate) predicted: OnceLock<Vec<u32>>,
    near: OnceLock<Result<Neighbors, String>>,
    lisi: OnceLock<Result<Vec<Vec<f64>>, String>>,
}

impl<'a> View<'a> {
    /// Returns the view of an embedding [n, d] with the labels of its cells, which has neither batches nor folds yet.
    pub(crate) fn new(vectors: Matrix, labels: &'a [u32], settings: Settings) -> Self {
        Self {
            vectors,
            labels,
            batches: Err("no batches: --batch-key".to_owned()),
            before: Err("no embedding before integration: --tokens or --before".to_owned()),
            folds: Err("no folds".to_owned()),
            reference: None,
            whole: None,
            settings,
            predicted: OnceLock::new(),
            near: OnceLock::new(),
            lisi: OnceLock::new(),
        }
    }

    /// Returns the `k` nearest other cells of each cell.
    ///
    /// # Errors
    /// Not more than `k` cells.
    pub(crate) fn near(&self, k: usize) -> Result<Neighbors, String> {
        let found = self.nearest()?;
        found.first(k).map_err(|_| format!("{} cells: at least {} are needed", found.n_rows(), k + 1))
    }

    /// Returns the 89 nearest other cells of each cell, or all others where there are fewer.
    ///
    /// # Errors
    /// Fewer than two cells.
    pub(crate) fn nearest(&self) -> Result<&Neighbors, String> {
        let k = NEAREST.min(self.vectors.n_rows().saturating_sub(1));
        let find = || {
            let (x, metric) = (&self.vectors, Metric::Euclidean);
            let found = match x.n_rows() <= EXACT {
                true => knn(x, k, metric),
                false => approximate(x, k, metric, self.settings.seed),
            };
            found.map_err(|error| error.to_string())
        };
        self.near.get_or_init(find).as_ref().map_err(Clone::clone)
    }

    /// Returns the local inverse Simpson's index of each cell: of the labels, and of the batches where there are any.
    ///
    /// # Errors
    /// Not more than 89 cells.
    pub(super) fn lisi(&self) -> Result<&[Vec<f64>], String> {
        let codes: Vec<&[u32]> =
            std::iter::once(self.labels).chain(self.batches.as_ref().ok().copied()).collect();
        let find =
            || lisi_of_each(&self.near(NEAREST)?, &codes, PERPLEXITY).map_err(|error| error.to_string());
        self.lisi.get_or_init(find).as_deref().map_err(Clone::clone)
    }

    /// Returns why nothing can be said of the embedding, if so.
    pub(crate) fn obstacle(&self) -> Option<String> {
        let x = &self.vectors;
        let broken = |row: &usize| x.row(*row).iter().any(|value| !value.is_finite());
        let n_broken = (0..x.n_rows()).filter(broken).count();
        match x.n_rows() {
            0 => Some("no cells".to_owned()),
            n if n_broken > 0 => Some(format!("{n_broken} of {n} cells hold NaN or infinity")),
            n if n > 1 && (1..n).all(|row| x.row(row) == x.row(0)) => {
                Some("all cells have the same vector".to_owned())
            }
            _ => None,
        }
    }

    /// Returns an error unless there are two labels.
    pub(crate) fn need_labels(&self) -> Result<(), String> {
        match distinct(self.labels) {
            0 | 1 => Err("all cells have the same label".to_owned()),
            _ => Ok(()),
        }
    }

    /// Returns the batches; there must be two.
    pub(crate) fn two_batches(&self) -> Result<&'a [u32], String> {
        let batches = self.batches.clone()?;
        match distinct(batches) {
            0 | 1 => Err("all cells are of one batch".to_owned()),
            _ => Ok(batches),
        }
    }
}

/// Returns the number of distinct codes.
pub(super) fn distinct(codes: &[u32]) -> usize {
    let mut seen = codes.to_vec();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}
