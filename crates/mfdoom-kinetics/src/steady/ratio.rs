//! The deterministic fit: least squares through the origin over the cells of extreme expression.

use mfdoom_matrix::percentile;
use rayon::prelude::*;

use super::quantile::upper_extreme;
use super::{SteadyOptions, SteadyState};
use crate::moments::MomentsByGene;

/// Fits the extreme-quantile ratio of every gene, and chooses the velocity genes.
///
/// With fewer than two genes above the thresholds, the fifth of highest r2 is taken instead, as scVelo does.
pub fn fit_deterministic(moments: &MomentsByGene, options: &SteadyOptions) -> SteadyState {
    choose_genes(&fit_genes(moments, options), options)
}

/// Fits the extreme-quantile ratio of every gene of a block.
pub fn fit_genes(moments: &MomentsByGene, options: &SteadyOptions) -> Vec<GeneFit> {
    let (spliced, unspliced) = (&moments.spliced, &moments.unspliced);
    (0..moments.n_genes())
        .into_par_iter()
        .map_init(Vec::new, |scratch, j| fit_gene(spliced.row(j), unspliced.row(j), options, scratch))
        .collect()
}

/// Chooses the velocity genes among the fits of all genes.
pub fn choose_genes(fits: &[GeneFit], options: &SteadyOptions) -> SteadyState {
    let mut velocity_genes: Vec<bool> = fits
        .iter()
        .map(|fit| fit.expressed && fit.r2 > options.min_r2 && fit.gamma > options.min_ratio)
        .collect();
    if velocity_genes.iter().filter(|&&keep| keep).count() < 2 {
        let mut r2: Vec<f64> = fits.iter().map(|fit| fit.r2).collect();
        let bound = percentile(&mut r2, 80.0);
        velocity_genes = fits.iter().map(|fit| fit.r2 > bound).collect();
    }
    let gamma: Vec<f64> = fits.iter().map(|fit| fit.gamma).collect();
    SteadyState {
        quantile_ratio: gamma.clone(),
        gamma,
        r2: fits.iter().map(|fit| fit.r2).collect(),
        velocity_genes,
    }
}

/// What the deterministic fit finds for one gene.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeneFit {
    gamma: f64,
    r2: f64,
    expressed: bool,
}

/// Fits one gene from its moments over all cells.
fn fit_gene(s: &[f32], u: &[f32], options: &SteadyOptions, scratch: &mut Vec<f64>) -> GeneFit {
    let extreme = upper_extreme(s, u, options.percentile, scratch);
    let gamma = slope(s, u, |i| extreme[i]);
    let line = if options.adjusted_r2 { slope(s, u, |_| true) } else { gamma };
    let mean = u.iter().map(|&u| f64::from(u)).sum::<f64>() / u.len() as f64;
    let (mut residual, mut total) = (0.0, 0.0);
    for (&s, &u) in s.iter().zip(u) {
        residual += (f64::from(u) - line * f64::from(s)).powi(2);
        total += (f64::from(u) - mean).powi(2);
    }
    let r2 = 1.0 - residual / total;
    GeneFit {
        gamma: f64::from(gamma as f32),
        r2: if r2.is_nan() { 0.0 } else { r2 },
        expressed: s.iter().any(|&s| s > 0.0) && u.iter().any(|&u| u > 0.0),
    }
}

/// Returns the slope of `y` over `x` through the origin over the cells that `keep` names; 0 where x is 0.
fn slope(x: &[f32], y: &[f32], keep: impl Fn(usize) -> bool) -> f64 {
    let (mut xx, mut xy) = (0.0, 0.0);
    for (i, (&x, &y)) in x.iter().zip(y).enumerate() {
        if keep(i) {
            xx += f64::from(x).powi(2);
            xy += f64::from(x) * f64::from(y);
        }
    }
    let slope = xy / xx;
    if slope.is_nan() { 0.0 } else { slope }
}
