//! Driver genes: whose velocity sets a cluster of cells apart from the others.

use std::ops::Range;

use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Result, same};
use mfdoom_matrix::percentile;
use rayon::prelude::*;

/// Genes whose values are taken out of the rows at once: those of one line of the processor's memory.
const GENES: usize = 16;

/// Which genes may be called drivers (scVelo `rank_velocity_genes`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriverOptions {
    /// Least number of cells with unspliced counts (above it); `None`: the median gene's, at most 50.
    pub min_cells: Option<f64>,
    /// Least score of the fit (above it): r2, or the likelihood of the dynamical mode.
    pub min_score: f64,
    /// Least Spearman correlation of Ms and Mu (above it).
    pub min_correlation: f64,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self { min_cells: None, min_score: 0.1, min_correlation: 0.1 }
    }
}

/// Genes of one cluster by falling score.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterDrivers {
    /// Gene numbers.
    pub genes: Vec<usize>,
    /// Welch's t of the velocity in the cluster against all other cells, the rest counted as large as the cluster.
    pub scores: Vec<f64>,
}

/// What is known of each gene as a driver.
#[derive(Clone, Copy, Debug)]
pub struct DriverEvidence<'a> {
    /// Mean spliced abundance, [n_cells, n_genes].
    pub spliced: &'a Matrix,
    /// Mean unspliced abundance, [n_cells, n_genes].
    pub unspliced: &'a Matrix,
    /// Number of cells with unspliced counts, [n_genes].
    pub unspliced_cells: &'a [f64],
    /// Whether it is a velocity gene, [n_genes].
    pub velocity_genes: &'a [bool],
    /// r2 or likelihood of its fit, [n_genes]; NaN excludes it.
    pub score: &'a [f64],
}

/// Marks the velocity genes that are expressed, well fitted and correlated enough to be drivers.
///
/// # Errors
/// When the arrays differ in genes.
pub fn driver_candidates(evidence: &DriverEvidence<'_>, options: &DriverOptions) -> Result<Vec<bool>> {
    let DriverEvidence { spliced, unspliced, unspliced_cells, velocity_genes, score } = *evidence;
    let n_genes = spliced.n_cols();
    same("genes of the unspliced counts", unspliced.n_cols(), n_genes)?;
    same("numbers of cells, one a gene", unspliced_cells.len(), n_genes)?;
    same("marks of velocity genes", velocity_genes.len(), n_genes)?;
    same("scores, one a gene", score.len(), n_genes)?;
    let usual = || percentile(&mut unspliced_cells.to_vec(), 50.0).min(50.0);
    let min_cells = options.min_cells.unwrap_or_else(usual);
    let fits = |j: usize| velocity_genes[j] && unspliced_cells[j] > min_cells && score[j] > options.min_score;
    let blocks: Vec<usize> = (0..n_genes).step_by(GENES).collect();
    let block = |&first: &usize| -> Vec<bool> {
        let genes = first..n_genes.min(first + GENES);
        if !genes.clone().any(fits) {
            return vec![false; genes.len()];
        }
        let (s, u) = (columns(spliced, genes.clone()), columns(unspliced, genes.clone()));
        let pairs = genes.zip(s.iter().zip(&u));
        pairs.map(|(j, (s, u))| fits(j) && spearman(s, u) > options.min_correlation).collect()
    };
    Ok(blocks.par_iter().flat_map_iter(block).collect())
}

/// Takes columns out of a matrix, each by itself.
fn columns(matrix: &Matrix, wanted: Range<usize>) -> Vec<Vec<f32>> {
    let mut columns = vec![Vec::with_capacity(matrix.n_rows()); wanted.len()];
    for row in 0..matrix.n_rows() {
        let values = &matrix.row(row)[wanted.clone()];
        columns.iter_mut().zip(values).for_each(|(column, value)| column.push(*value));
    }
    columns
}

/// Ranks the candidates by velocity `[n_cells, n_genes]` for every cluster, the first `n_top` of each.
///
/// # Errors
/// When clusters or candidates do not fit the velocities.
pub fn rank_drivers(
    velocity: &Matrix,
    candidates: &[bool],
    clusters: &[usize],
    n_top: usize,
) -> Result<Vec<ClusterDrivers>> {
    same("clusters, one a cell", clusters.len(), velocity.n_rows())?;
    same("candidates, one a gene", candidates.len(), velocity.n_cols())?;
    let n_clusters = clusters.iter().max().map_or(0, |last| last + 1);
    let genes: Vec<usize> = (0..candidates.len()).filter(|&j| candidates[j]).collect();
    let columns = velocity.select_columns(candidates).transposed();
    let scores: Vec<Vec<f64>> =
        (0..genes.len()).into_par_iter().map(|k| scores(columns.row(k), clusters, n_clusters)).collect();
    let rank = |cluster: usize| {
        let mut order: Vec<usize> = (0..genes.len()).collect();
        order.sort_by(|&a, &b| scores[b][cluster].total_cmp(&scores[a][cluster]));
        order.truncate(n_top);
        ClusterDrivers {
            genes: order.iter().map(|&k| genes[k]).collect(),
            scores: order.iter().map(|&k| scores[k][cluster]).collect(),
        }
    };
    Ok((0..n_clusters).map(rank).collect())
}

/// Returns one gene's score for every cluster.
fn scores(velocity: &[f32], clusters: &[usize], n_clusters: usize) -> Vec<f64> {
    let mut sums = vec![[0.0; 3]; n_clusters];
    for (&v, &cluster) in velocity.iter().zip(clusters) {
        let v = f64::from(v);
        for (slot, x) in sums[cluster].iter_mut().zip([1.0, v, v * v]) {
            *slot += x;
        }
    }
    let total = sums.iter().fold([0.0; 3], |a, b| [a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
    let score = |sum: &[f64; 3]| {
        let rest = [total[0] - sum[0], total[1] - sum[1], total[2] - sum[2]];
        let ((mean, variance), (mean_rest, variance_rest)) = (mean_variance(sum), mean_variance(&rest));
        let score = (mean - mean_rest) / ((variance + variance_rest) / sum[0]).sqrt();
        if score.is_finite() { score } else { 0.0 }
    };
    sums.iter().map(score).collect()
}

/// Returns mean and sample variance from count, sum and sum of squares.
fn mean_variance(&[n, sum, squares]: &[f64; 3]) -> (f64, f64) {
    let mean = sum / n;
    let n = n.max(2.0);
    (mean, (squares / n - mean * mean) * n / (n - 1.0))
}

/// Returns Spearman's rank correlation, ties at their mean rank; NaN for a constant.
pub fn spearman(x: &[f32], y: &[f32]) -> f64 {
    let (x, y) = (ranks(x), ranks(y));
    let middle = (x.len() as f64 + 1.0) / 2.0;
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(&y) {
        xy += (x - middle) * (y - middle);
        xx += (x - middle).powi(2);
        yy += (y - middle).powi(2);
    }
    xy / (xx * yy).sqrt()
}

/// Returns ranks from 1, ties at their mean.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let first = order.partition_point(|&i| values[i].total_cmp(&values[tied[0]]).is_lt());
        let rank = first as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|&i| ranks[i] = rank);
    }
    ranks
}
