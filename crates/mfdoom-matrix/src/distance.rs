//! Distances between two sets of points, tile by tile, in bounded memory.
//!
//! A tile comes from one matrix product in f64 and is wrong by rounding only, by less than
//! [`Pairs::slack`]. Whoever must order two distances closer than that asks [`Pairs::exact`], which sums in a
//! fixed order: equal points have equal distances, so that ties are ties and not noise.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::dense::Matrix;
use crate::error::{Result, same};

/// How far apart two points are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// Length of the difference.
    #[default]
    Euclidean,
    /// One minus the cosine of the angle; a vector of zeros is at 1 from everything.
    Cosine,
}

/// Queries handled by one thread at a time.
pub const QUERIES: usize = 256;
const REFERENCES: usize = 1024;

/// Two sets of points in the same space.
pub struct Pairs<'a> {
    queries: &'a Matrix,
    references: &'a Matrix,
    metric: Metric,
    query_norms: Vec<f64>,
    reference_norms: Vec<f64>,
    slack: f64,
}

impl<'a> Pairs<'a> {
    /// Pairs every query with every reference.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape): other numbers of columns; [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn new(queries: &'a Matrix, references: &'a Matrix, metric: Metric) -> Result<Self> {
        same("columns", references.n_cols(), queries.n_cols())?;
        queries.check_finite()?;
        references.check_finite()?;
        let (query_norms, reference_norms) = (norms(queries), norms(references));
        let largest = |norms: &[f64]| norms.iter().copied().fold(0.0, f64::max);
        let scale = match metric {
            Metric::Euclidean => (largest(&query_norms) + largest(&reference_norms)).powi(2),
            Metric::Cosine => 4.0,
        };
        let slack = (queries.n_cols() + 8) as f64 * f64::EPSILON * scale;
        Ok(Self { queries, references, metric, query_norms, reference_norms, slack })
    }

    /// Returns the number of references.
    pub fn n_references(&self) -> usize {
        self.references.n_rows()
    }

    /// Returns the largest error of a value in a tile.
    pub fn slack(&self) -> f64 {
        self.slack
    }

    /// Returns the squared Euclidean distance, or the cosine distance, of one pair.
    pub fn exact(&self, query: usize, reference: usize) -> f64 {
        let pairs = self.queries.row(query).iter().zip(self.references.row(reference));
        match self.metric {
            Metric::Euclidean => pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum(),
            Metric::Cosine => {
                let dot: f64 = pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                1.0 - dot * inverse(self.query_norms[query]) * inverse(self.reference_norms[reference])
            }
        }
    }

    /// Returns the distance that users see: Euclidean distances are squared until here.
    pub fn finish(&self, distance: f64) -> f64 {
        match self.metric {
            Metric::Euclidean => distance.sqrt(),
            Metric::Cosine => distance,
        }
    }

    /// Calls `visit` with the distances of `queries` to `references`, row by row.
    pub fn tile(&self, queries: Range<usize>, references: Range<usize>, visit: impl FnOnce(&[f64])) {
        let left = self.scaled(self.queries, &self.query_norms, queries.clone());
        let mut tile = vec![0.0; queries.len() * references.len()];
        self.fill(&mut tile, &left, queries, references);
        visit(&tile);
    }

    /// Calls `visit` with each tile of distances of `queries` to a range of references, row by row.
    pub fn tiles(&self, queries: Range<usize>, mut visit: impl FnMut(Range<usize>, &[f64])) {
        let n = self.references.n_rows();
        let left = self.scaled(self.queries, &self.query_norms, queries.clone());
        let mut tile = vec![0.0; queries.len() * REFERENCES.min(n)];
        for start in (0..n).step_by(REFERENCES) {
            let references = start..n.min(start + REFERENCES);
            let tile = &mut tile[..queries.len() * references.len()];
            self.fill(tile, &left, queries.clone(), references.clone());
            visit(references, tile);
        }
    }

    /// Fills a tile; `left` holds the queries scaled.
    fn fill(&self, tile: &mut [f64], left: &[f64], queries: Range<usize>, references: Range<usize>) {
        let dim = self.queries.n_cols();
        let right = self.scaled(self.references, &self.reference_norms, references.clone());
        matmul(
            MatMut::from_row_major_slice_mut(tile, queries.len(), references.len()),
            Accum::Replace,
            MatRef::from_row_major_slice(left, queries.len(), dim),
            MatRef::from_row_major_slice(&right, references.len(), dim).transpose(),
            1.0,
            Par::Seq,
        );
        self.to_distances(tile, queries, references);
    }

    fn to_distances(&self, tile: &mut [f64], queries: Range<usize>, references: Range<usize>) {
        for (row, query) in tile.chunks_exact_mut(references.len()).zip(queries) {
            let own = self.query_norms[query].powi(2);
            for (value, norm) in row.iter_mut().zip(&self.reference_norms[references.clone()]) {
                *value = match self.metric {
                    Metric::Euclidean => own + norm * norm - 2.0 * *value,
                    Metric::Cosine => 1.0 - *value,
                };
            }
        }
    }

    /// Returns a block of rows in f64, of unit length for the cosine.
    fn scaled(&self, points: &Matrix, norms: &[f64], rows: Range<usize>) -> Vec<f64> {
        let mut block = Vec::with_capacity(rows.len() * points.n_cols());
        for row in rows {
            let factor = match self.metric {
                Metric::Euclidean => 1.0,
                Metric::Cosine => inverse(norms[row]),
            };
            block.extend(points.row(row).iter().map(|&value| f64::from(value) * factor));
        }
        block
    }
}

fn norms(points: &Matrix) -> Vec<f64> {
    let norm = |row| points.row(row).iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    (0..points.n_rows()).map(norm).collect()
}

fn inverse(norm: f64) -> f64 {
    if norm > 0.0 { norm.recip() } else { 0.0 }
}

/// Returns the ranges of at most [`QUERIES`] rows that `n` queries are cut into.
pub fn blocks(n: usize) -> Vec<Range<usize>> {
    (0..n).step_by(QUERIES).map(|start| start..n.min(start + QUERIES)).collect()
}
