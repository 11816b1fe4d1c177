//! Latent time shared by all genes: the gene's own times, counted from the root cells and brought together.
//!
//! scVelo's `latent_time` without diffusion weights.

use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Error, Result, same};
use rayon::prelude::*;

use crate::graph::scale;
use crate::moments::Smoother;

/// Which genes and cells take part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatentOptions {
    /// Least likelihood of a gene.
    pub min_likelihood: f64,
    /// Least agreement of a cell's time with its neighbourhood's for it to count for others.
    pub min_confidence: f64,
}

impl Default for LatentOptions {
    fn default() -> Self {
        Self { min_likelihood: 0.1, min_confidence: 0.75 }
    }
}

/// Root cells from whose view the times are averaged, at most.
const ROOTS: usize = 4;
/// Percentiles over the genes, the two straightest of which are the shared time.
const SHARED: [f64; 5] = [15.0, 20.0, 25.0, 30.0, 35.0];

/// Returns the latent time of every cell in [0, 1].
///
/// `time` is [`Dynamics::time`](super::Dynamics::time), `[n_genes, n_cells]`, `likelihood` that of each gene's fit.
/// `root_cells` are weights in [0, 1], as of [`crate::graph::terminal_states`]; without a certain root, the cells
/// earliest over all genes serve.
///
/// # Errors
/// When arrays differ in cells, or no gene is likely enough.
pub fn latent_time(
    (time, likelihood): (&Matrix, &[f64]),
    smoother: &Smoother,
    root_cells: &[f64],
    options: &LatentOptions,
) -> Result<Vec<f64>> {
    let n = smoother.n_cells();
    same("cells of the times", time.n_cols(), n)?;
    same("likelihoods, one a gene", likelihood.len(), time.n_rows())?;
    same("root weights, one a cell", root_cells.len(), n)?;
    let likely = |k: &usize| likelihood[*k] >= options.min_likelihood;
    let mut genes: Vec<Vec<f64>> = (0..time.n_rows())
        .filter(likely)
        .map(|k| time.row(k).iter().map(|&t| f64::from(t)).collect())
        .collect();
    if genes.is_empty() {
        return Err(Error::Unusable(format!("no gene reaches likelihood {}", options.min_likelihood)));
    }
    let roots = roots(&genes, root_cells);
    let mut mean = vec![0.0; n];
    for &root in roots.iter().take(ROOTS) {
        genes.par_iter_mut().for_each(|time| count_from(time, root));
        let least = genes.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        genes.par_iter_mut().for_each(|time| time.iter_mut().for_each(|t| *t -= least));
        for (slot, t) in mean.iter_mut().zip(shared_time(&genes, n)) {
            *slot += t;
        }
    }
    scale(&mut mean);
    Ok(average_certain(&mean, smoother, options.min_confidence))
}

/// Returns the certain root cells by their total time, or all cells where none is certain.
fn roots(genes: &[Vec<f64>], root_cells: &[f64]) -> Vec<usize> {
    let total: Vec<f64> = (0..root_cells.len()).map(|i| genes.iter().map(|time| time[i]).sum()).collect();
    let mut order: Vec<usize> = (0..total.len()).collect();
    order.sort_by(|&a, &b| total[a].total_cmp(&total[b]));
    let certain: Vec<usize> = order.iter().copied().filter(|&i| root_cells[i] > 1.0 - 1e-3).collect();
    if certain.is_empty() { order } else { certain }
}

/// Counts a gene's times from the root cell on; what was before it comes after everything else.
fn count_from(time: &mut [f64], root: usize) {
    let start = time[root];
    let last = time.iter().map(|t| t - start).fold(0.0, f64::max);
    time.iter_mut().for_each(|t| *t = if *t >= start { *t - start } else { *t + last });
}

/// Returns the sum of the two percentiles over the genes that grow most evenly over the cells, at most 1.
fn shared_time(genes: &[Vec<f64>], n: usize) -> Vec<f64> {
    let per_cell: Vec<[f64; SHARED.len()]> = (0..n)
        .into_par_iter()
        .map_init(Vec::new, |values, i| {
            values.clear();
            values.extend(genes.iter().map(|time| time[i]));
            SHARED.map(|q| mfdoom_matrix::percentile(values, q))
        })
        .collect();
    let mut candidates: Vec<(f64, Vec<f64>)> = (0..SHARED.len())
        .map(|q| {
            let mut time: Vec<f64> = per_cell.iter().map(|shares| shares[q]).collect();
            divide_by_largest(&mut time);
            (unevenness(&time), time)
        })
        .collect();
    candidates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut time: Vec<f64> = candidates[0].1.iter().zip(&candidates[1].1).map(|(a, b)| a + b).collect();
    divide_by_largest(&mut time);
    time
}

/// Divides by the largest value, where that is not 0.
fn divide_by_largest(values: &mut [f64]) {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest != 0.0 {
        values.iter_mut().for_each(|x| *x /= largest);
    }
}

/// Returns the squared distance of the sorted times from even steps.
fn unevenness(time: &[f64]) -> f64 {
    let mut sorted = time.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let step = 1.0 / (sorted.len() - 1).max(1) as f64;
    sorted.iter().enumerate().map(|(k, t)| (t - k as f64 * step).powi(2)).sum()
}

/// Averages times over each neighbourhood, cells that disagree with theirs counting as 0, and scales to [0, 1].
fn average_certain(time: &[f64], smoother: &Smoother, min_confidence: f64) -> Vec<f64> {
    let mut around = vec![0.0; time.len()];
    smoother.apply(time, &mut around);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let z = product(time, &around) / product(&around, &around);
    let largest = time.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let certain = |(t, around): (&f64, &f64)| {
        let confidence = (1.0 - (t / largest - around * z / largest).abs()).powi(2);
        if confidence < min_confidence { 0.0 } else { *t }
    };
    let kept: Vec<f64> = time.iter().zip(&around).map(certain).collect();
    let mut out = vec![0.0; time.len()];
    smoother.apply(&kept, &mut out);
    scale(&mut out);
    out
}
