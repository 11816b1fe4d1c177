//! Points cut into clusters of about the same size, and which clusters lie near each.

use std::ops::Range;

use crate::dense::Matrix;
use crate::distance::Metric;
use crate::error::Result;
use crate::knn::knn_between;
use crate::subsample::subsample;

/// Points of a cluster, about.
const SIZE: usize = 256;
/// No cluster is larger; larger ones are cut, so that many equal points do not make one search of all pairs.
const MOST: usize = 4 * SIZE;
/// Points a cluster that the means are found from, and rounds in which they are.
const TRAINED_ON: usize = 32;
const ROUNDS: usize = 4;

/// A partition of points; positions are those of the points in the order of their clusters.
#[derive(Clone, Debug)]
pub(crate) struct Clusters {
    /// Row of the point at each position.
    order: Vec<u32>,
    /// Where each cluster begins, and the end of the last.
    starts: Vec<usize>,
    /// Clusters nearest to each, itself among them, nearest first.
    near: Vec<Vec<u32>>,
}

impl Clusters {
    /// Cuts the points into clusters by k-means under a seed and finds the `probes` nearest of each.
    pub(crate) fn new(points: &Matrix, probes: usize, seed: u64) -> Result<Self> {
        let n = points.n_rows();
        let count = n.div_ceil(SIZE).max(1);
        let nearest = |rows: &Matrix, means: &Matrix| -> Result<Vec<u32>> {
            Ok(knn_between(rows, means, 1, Metric::Euclidean)?.all_indices().to_vec())
        };
        let mut means = points.select_rows(&subsample(n, count, seed));
        let sample = points.select_rows(&subsample(n, count * TRAINED_ON, seed.wrapping_add(1)));
        for _ in 0..ROUNDS {
            let of = nearest(&sample, &means)?;
            means = updated(&sample, &of, means);
        }
        let of = nearest(points, &means)?;
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.sort_by_key(|&row| of[row as usize]);
        let mut starts = vec![0];
        for cluster in order.chunk_by(|&a, &b| of[a as usize] == of[b as usize]) {
            let first = starts[starts.len() - 1];
            starts.extend(cluster.chunks(MOST).scan(first, |end, part| {
                *end += part.len();
                Some(*end)
            }));
        }
        let pieces = starts.len() - 1;
        let owner: Vec<u32> = starts[..pieces].iter().map(|&start| of[order[start] as usize]).collect();
        let centres = means.select_rows(&owner.iter().map(|&mean| mean as usize).collect::<Vec<_>>());
        let found = knn_between(&centres, &centres, probes.min(pieces), Metric::Euclidean)?;
        let near = (0..pieces).map(|piece| found.indices(piece).to_vec()).collect();
        Ok(Self { order, starts, near })
    }

    /// Returns the row of the point at each position.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Returns the number of clusters.
    pub(crate) fn len(&self) -> usize {
        self.near.len()
    }

    /// Returns the positions of a cluster.
    pub(crate) fn positions(&self, cluster: usize) -> Range<usize> {
        self.starts[cluster]..self.starts[cluster + 1]
    }

    /// Returns the clusters near a cluster.
    pub(crate) fn near(&self, cluster: usize) -> &[u32] {
        &self.near[cluster]
    }
}

/// Returns the mean of the points of each cluster; one without points stays where it was.
fn updated(points: &Matrix, of: &[u32], mut means: Matrix) -> Matrix {
    let dim = points.n_cols();
    let mut sums = vec![0.0f64; means.n_rows() * dim];
    let mut counts = vec![0usize; means.n_rows()];
    for (row, &cluster) in of.iter().enumerate() {
        let sum = &mut sums[cluster as usize * dim..][..dim];
        sum.iter_mut().zip(points.row(row)).for_each(|(sum, &value)| *sum += f64::from(value));
        counts[cluster as usize] += 1;
    }
    for (cluster, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let mean = sums[cluster * dim..][..dim].iter().map(|sum| (sum / count as f64) as f32);
        means.row_mut(cluster).iter_mut().zip(mean).for_each(|(to, mean)| *to = mean);
    }
    means
}
