//! Nearest neighbours of many points among themselves: exact for few, approximate and near-linear for many.
//!
//! Points are cut into clusters; each cluster is searched against the clusters nearest to it, by matrix products, and
//! then every point looks at the neighbours of its neighbours. Each step depends on the one before alone, so that
//! threads change no bit; the libraries looked at (HNSW, NN-descent) insert and update under races.

use rayon::prelude::*;

use crate::clusters::Clusters;
use crate::dense::Matrix;
use crate::distance::{Metric, Pairs};
use crate::error::{Result, at_least};
use crate::knn::{Candidates, knn};
use crate::neighbors::Neighbors;

/// Up to so many points every pair is looked at.
pub const EXACT: usize = 12_000;
/// Clusters that each cluster is searched against, itself among them.
const PROBES: usize = 12;
/// Times that points look at the neighbours of their neighbours.
const ROUNDS: usize = 2;

/// A neighbour while it is sought: squared distance, position.
type Found = (f64, u32);

/// Finds for every row about the `k` nearest other rows: all of them up to [`EXACT`] rows, above at least 98 % on
/// the data that it was measured on. Distances are exact, and the result depends on the seed and on nothing else.
///
/// # Errors
/// Those of [`knn`].
pub fn nearest(x: &Matrix, k: usize, metric: Metric, seed: u64) -> Result<Neighbors> {
    if x.n_rows() <= EXACT { knn(x, k, metric) } else { approximate(x, k, metric, seed) }
}

/// Finds about the `k` nearest other rows of every row, however few there are.
///
/// # Errors
/// Those of [`knn`].
pub fn approximate(x: &Matrix, k: usize, metric: Metric, seed: u64) -> Result<Neighbors> {
    at_least("cells", x.n_rows(), k + 1)?;
    at_least("neighbours", k, 1)?;
    x.check_finite()?;
    let clusters = match metric {
        Metric::Euclidean => Clusters::new(x, PROBES, seed)?,
        // The nearest by angle are the nearest on the sphere.
        Metric::Cosine => Clusters::new(&of_unit_length(x), PROBES, seed)?,
    };
    let rows: Vec<usize> = clusters.order().iter().map(|&row| row as usize).collect();
    let sorted = x.select_rows(&rows);
    let pairs = Pairs::new(&sorted, &sorted, metric)?;
    let search = Search { pairs: &pairs, clusters: &clusters, k };
    let mut found = search.clusters();
    for _ in 0..ROUNDS {
        found = search.neighbours_of_neighbours(&found);
    }
    let mut place = vec![0u32; rows.len()];
    rows.iter().enumerate().for_each(|(position, &row)| place[row] = position as u32);
    let of_row = || place.iter().flat_map(|&at| &found[at as usize * k..(at as usize + 1) * k]);
    let indices = of_row().map(|&(_, position)| rows[position as usize] as u32).collect();
    let distances = of_row().map(|&(square, _)| pairs.finish(square) as f32).collect();
    Neighbors::new(k, indices, distances)
}

/// What a search looks at.
struct Search<'a> {
    pairs: &'a Pairs<'a>,
    clusters: &'a Clusters,
    k: usize,
}

impl Search<'_> {
    /// Searches each cluster against those near it; returns `k` neighbours a position, nearest first.
    fn clusters(&self) -> Vec<Found> {
        (0..self.clusters.len()).into_par_iter().flat_map_iter(|cluster| self.cluster(cluster)).collect()
    }

    fn cluster(&self, cluster: usize) -> Vec<Found> {
        let queries = self.clusters.positions(cluster);
        let mut nearest: Vec<Candidates> =
            queries.clone().map(|_| Candidates::new(self.k, self.pairs.slack())).collect();
        let mut look_at = |other: usize| {
            let references = self.clusters.positions(other);
            self.pairs.tile(queries.clone(), references.clone(), |tile| {
                for ((row, query), nearest) in
                    tile.chunks_exact(references.len()).zip(queries.clone()).zip(&mut nearest)
                {
                    for (reference, &distance) in references.clone().zip(row) {
                        if reference != query {
                            nearest.offer(distance, reference as u32);
                        }
                    }
                }
            });
        };
        let near = self.clusters.near(cluster);
        near.iter().for_each(|&other| look_at(other as usize));
        let mut seen: usize = near.iter().map(|&other| self.clusters.positions(other as usize).len()).sum();
        // Small clusters may hold fewer than k others: look on in order.
        let mut others = (0..self.clusters.len()).filter(|other| !near.contains(&(*other as u32)));
        while seen <= self.k {
            let Some(other) = others.next() else { break };
            look_at(other);
            seen += self.clusters.positions(other).len();
        }
        let exact = |query: usize, nearest: Candidates| {
            self.sorted(
                nearest.into_references().map(|at| (self.pairs.exact(query, at), at as u32)).collect(),
            )
        };
        queries.zip(nearest).flat_map(|(query, nearest)| exact(query, nearest)).collect()
    }

    /// Looks, for every position, at the neighbours of its neighbours.
    fn neighbours_of_neighbours(&self, found: &[Found]) -> Vec<Found> {
        let n = self.clusters.order().len();
        let of = |position: usize| &found[position * self.k..(position + 1) * self.k];
        let mut out = vec![(0.0, 0u32); found.len()];
        out.par_chunks_mut(self.k).enumerate().for_each_init(
            || vec![u32::MAX; n],
            |seen, (position, out)| {
                let stamp = position as u32;
                seen[position] = stamp;
                let mut all = of(position).to_vec();
                let bound = all[self.k - 1].0;
                all.iter().for_each(|&(_, other)| seen[other as usize] = stamp);
                for &(_, other) in of(position) {
                    for &(_, next) in of(other as usize) {
                        if seen[next as usize] != stamp {
                            seen[next as usize] = stamp;
                            let square = self.pairs.exact(position, next as usize);
                            if square <= bound {
                                all.push((square, next));
                            }
                        }
                    }
                }
                out.copy_from_slice(&self.sorted(all));
            },
        );
        out
    }

    /// Returns the `k` nearest, equal distances by row.
    fn sorted(&self, mut all: Vec<Found>) -> Vec<Found> {
        let order = self.clusters.order();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(order[a.1 as usize].cmp(&order[b.1 as usize])));
        all.truncate(self.k);
        all
    }
}

/// Returns the rows scaled to length 1; rows of zeros stay.
fn of_unit_length(x: &Matrix) -> Matrix {
    let mut unit = x.clone();
    for row in 0..unit.n_rows() {
        let row = unit.row_mut(row);
        let norm = row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        if norm > 0.0 {
            row.iter_mut().for_each(|value| *value = (f64::from(*value) / norm) as f32);
        }
    }
    unit
}
