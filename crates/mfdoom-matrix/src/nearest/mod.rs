//! Nearest neighbours of many points, among themselves or among others: exact for few, approximate and near-linear for many.
//!
//! Points are cut into clusters; each cluster is searched against the clusters nearest to it, by matrix products, and
//! then every point looks at the neighbours of its neighbours. Each step depends on the one before alone, so that
//! threads change no bit; the libraries looked at (HNSW, NN-descent) insert and update under races.

mod search;

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use search::{Found, Search};

use crate::clusters::Clusters;
use crate::dense::Matrix;
use crate::distance::{Metric, Pairs, QUERIES};
use crate::error::{Result, at_least, same};
use crate::knn::{knn, knn_between};
use crate::neighbors::Neighbors;

/// Up to so many points every pair is looked at.
pub const EXACT: usize = 12_000;
/// Clusters that each cluster is searched against, itself among them.
const PROBES: usize = 12;
/// Neighbours of a point that are kept while it is searched for, at least: with fewer the steps below lose their way.
const BREADTH: usize = 29;
/// As many for a query, which no neighbour names in turn.
const BREADTH_BETWEEN: usize = 40;
/// Times that points look at the neighbours of their neighbours.
const ROUNDS: usize = 2;

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
    let index = Index::new(x, metric, seed)?;
    let pairs = Pairs::new(&index.sorted, &index.sorted, metric)?;
    let width = k.max(BREADTH).min(x.n_rows() - 1);
    let found = first(&index.graph(&pairs, width), width, k);
    let mut place = vec![0u32; index.rows.len()];
    index.rows.iter().enumerate().for_each(|(position, &row)| place[row] = position as u32);
    index.neighbors(&pairs, k, &found, &place)
}

/// Finds for every query about the `k` nearest references: all of them among up to [`EXACT`] references, above at least
/// 98 % on the data that it was measured on. Distances are exact, and the result depends on the seed and on nothing else.
///
/// # Errors
/// Those of [`knn_between`].
pub fn nearest_between(
    queries: &Matrix,
    references: &Matrix,
    k: usize,
    metric: Metric,
    seed: u64,
) -> Result<Neighbors> {
    match references.n_rows() <= EXACT {
        true => knn_between(queries, references, k, metric),
        false => approximate_between(queries, references, k, metric, seed),
    }
}

/// Finds about the `k` nearest references of every query, however few there are.
///
/// # Errors
/// Those of [`knn_between`].
pub fn approximate_between(
    queries: &Matrix,
    references: &Matrix,
    k: usize,
    metric: Metric,
    seed: u64,
) -> Result<Neighbors> {
    at_least("cells", references.n_rows(), k.max(2))?;
    at_least("neighbours", k, 1)?;
    same("columns", references.n_cols(), queries.n_cols())?;
    queries.check_finite()?;
    references.check_finite()?;
    let index = Index::new(references, metric, seed)?;
    let among = Pairs::new(&index.sorted, &index.sorted, metric)?;
    let wide = k.max(BREADTH_BETWEEN).min(references.n_rows());
    let width = wide.min(references.n_rows() - 1);
    let graph = index.graph(&among, width);
    // Queries of one cluster are searched together.
    let of = index.clusters.nearest_to(&on_sphere(queries, metric))?;
    let mut order: Vec<usize> = (0..queries.n_rows()).collect();
    order.sort_by_key(|&query| of[query]);
    let sorted = queries.select_rows(&order);
    let pairs = Pairs::new(&sorted, &index.sorted, metric)?;
    let search = Search { pairs: &pairs, clusters: &index.clusters, k: wide, among_themselves: false };
    let groups = order.chunk_by(|&a, &b| of[a] == of[b]).flat_map(|group| group.chunks(QUERIES));
    let groups: Vec<(usize, Range<usize>)> = groups
        .scan(0, |start, group| {
            let first = *start;
            *start += group.len();
            Some((of[group[0]] as usize, first..*start))
        })
        .collect();
    let mut found: Vec<Found> = groups
        .into_par_iter()
        .flat_map_iter(|(cluster, queries)| search.near_cluster(cluster, queries))
        .collect();
    for _ in 0..ROUNDS {
        found = search.neighbours_of_neighbours(&found, &graph, width);
    }
    let found = first(&found, wide, k);
    let mut place = vec![0u32; order.len()];
    order.iter().enumerate().for_each(|(position, &query)| place[query] = position as u32);
    index.neighbors(&pairs, k, &found, &place)
}

/// Returns the first `k` of each `width`.
fn first(found: &[Found], width: usize, k: usize) -> Vec<Found> {
    found.chunks_exact(width).flat_map(|found| &found[..k]).copied().collect()
}

/// References in the order of their clusters.
struct Index {
    clusters: Clusters,
    rows: Vec<usize>,
    sorted: Matrix,
}

impl Index {
    fn new(references: &Matrix, metric: Metric, seed: u64) -> Result<Self> {
        let clusters = Clusters::new(&on_sphere(references, metric), PROBES, seed)?;
        let rows: Vec<usize> = clusters.order().iter().map(|&row| row as usize).collect();
        Ok(Self { sorted: references.select_rows(&rows), clusters, rows })
    }

    /// Returns about the `k` nearest other references of each, by position.
    fn graph(&self, pairs: &Pairs<'_>, k: usize) -> Vec<Found> {
        let search = Search { pairs, clusters: &self.clusters, k, among_themselves: true };
        let of_cluster = |cluster: usize| search.near_cluster(cluster, self.clusters.positions(cluster));
        let mut found: Vec<Found> =
            (0..self.clusters.len()).into_par_iter().flat_map_iter(of_cluster).collect();
        for _ in 0..ROUNDS {
            found = search.neighbours_of_neighbours(&found, &found, k);
        }
        found
    }

    /// Names references by their rows; `place` is the position of each query.
    fn neighbors(&self, pairs: &Pairs<'_>, k: usize, found: &[Found], place: &[u32]) -> Result<Neighbors> {
        let of_query = || place.iter().flat_map(|&at| &found[at as usize * k..(at as usize + 1) * k]);
        let indices = of_query().map(|&(_, position)| self.rows[position as usize] as u32).collect();
        let distances = of_query().map(|&(square, _)| pairs.finish(square) as f32).collect();
        Neighbors::between(self.rows.len(), k, indices, distances)
    }
}

/// The nearest by angle are the nearest on the sphere.
fn on_sphere(x: &Matrix, metric: Metric) -> Cow<'_, Matrix> {
    match metric {
        Metric::Euclidean => Cow::Borrowed(x),
        Metric::Cosine => Cow::Owned(of_unit_length(x)),
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
