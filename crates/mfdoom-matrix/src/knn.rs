//! Exact nearest neighbours.

use std::ops::Range;

use rayon::prelude::*;

use crate::dense::Matrix;
use crate::distance::{Metric, Pairs, blocks};
use crate::error::{Result, at_least};
use crate::neighbors::Neighbors;

/// Finds for every row the `k` nearest other rows.
///
/// ```
/// use mfdoom_matrix::{Matrix, Metric, knn};
/// # fn main() -> mfdoom_matrix::Result<()> {
/// let x = Matrix::new(vec![0.0, 1.0, 3.0], 3, 1)?;
/// let near = knn(&x, 1, Metric::Euclidean)?;
/// assert_eq!([near.indices(0), near.indices(1), near.indices(2)], [[1], [0], [1]]);
/// assert_eq!(near.distances(2), [2.0]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew): not more than `k` rows; [`Error::NotFinite`](crate::Error::NotFinite).
pub fn knn(x: &Matrix, k: usize, metric: Metric) -> Result<Neighbors> {
    at_least("cells", x.n_rows(), k + 1)?;
    search(&Pairs::new(x, x, metric)?, x.n_rows(), k, true)
}

/// Finds for every query the `k` nearest references.
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew): fewer than `k` references; [`Error::NotFinite`](crate::Error::NotFinite);
/// [`Error::Shape`](crate::Error::Shape): another number of columns.
pub fn knn_between(queries: &Matrix, references: &Matrix, k: usize, metric: Metric) -> Result<Neighbors> {
    at_least("cells", references.n_rows(), k)?;
    search(&Pairs::new(queries, references, metric)?, queries.n_rows(), k, false)
}

fn search(pairs: &Pairs<'_>, n_queries: usize, k: usize, skip_self: bool) -> Result<Neighbors> {
    at_least("neighbours", k, 1)?;
    let found: Vec<Vec<(f64, u32)>> = blocks(n_queries)
        .into_par_iter()
        .flat_map_iter(|block| search_block(pairs, block, k, skip_self))
        .collect();
    let indices = found.iter().flatten().map(|&(_, index)| index).collect();
    let distances = found.iter().flatten().map(|&(distance, _)| pairs.finish(distance) as f32).collect();
    Neighbors::between(pairs.n_references(), k, indices, distances)
}

fn search_block(pairs: &Pairs<'_>, block: Range<usize>, k: usize, skip_self: bool) -> Vec<Vec<(f64, u32)>> {
    let mut nearest: Vec<Candidates> = block.clone().map(|_| Candidates::new(k, pairs.slack())).collect();
    pairs.tiles(block.clone(), |references, tile| {
        for ((row, query), nearest) in
            tile.chunks_exact(references.len()).zip(block.clone()).zip(&mut nearest)
        {
            for (reference, &distance) in references.clone().zip(row) {
                if !(skip_self && reference == query) {
                    nearest.offer(distance, reference as u32);
                }
            }
        }
    });
    block
        .zip(nearest)
        .map(|(query, nearest)| nearest.finish(|reference| pairs.exact(query, reference)))
        .collect()
}

/// All that may be among the k nearest, given that a distance may be wrong by `slack`.
pub(crate) struct Candidates {
    k: usize,
    slack: f64,
    bound: f64,
    room: usize,
    kept: Vec<(f64, u32)>,
}

impl Candidates {
    pub(crate) fn new(k: usize, slack: f64) -> Self {
        let room = 4 * k + 64;
        Self { k, slack, bound: f64::INFINITY, room, kept: Vec::with_capacity(room) }
    }

    /// Keeps a reference that may be among the nearest.
    #[inline(always)]
    pub(crate) fn offer(&mut self, distance: f64, reference: u32) {
        if distance <= self.bound {
            self.push(distance, reference);
        }
    }

    fn push(&mut self, distance: f64, reference: u32) {
        self.kept.push((distance, reference));
        if self.kept.len() >= self.room {
            self.prune();
            // Many equal distances: nothing can be left out, so look again only after twice as many.
            self.room = self.room.max(2 * self.kept.len());
        }
    }

    fn prune(&mut self) {
        if self.kept.len() <= self.k {
            return;
        }
        let (_, kth, _) = self.kept.select_nth_unstable_by(self.k - 1, |a, b| a.0.total_cmp(&b.0));
        self.bound = kth.0 + 2.0 * self.slack;
        self.kept.retain(|candidate| candidate.0 <= self.bound);
    }

    /// Returns all that may be among the nearest, in no order.
    pub(crate) fn into_references(mut self) -> impl Iterator<Item = usize> {
        self.prune();
        self.kept.into_iter().map(|(_, reference)| reference as usize)
    }

    fn finish(mut self, exact: impl Fn(usize) -> f64) -> Vec<(f64, u32)> {
        self.prune();
        self.kept.iter_mut().for_each(|(distance, reference)| *distance = exact(*reference as usize));
        self.kept.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        self.kept.truncate(self.k);
        self.kept
    }
}
