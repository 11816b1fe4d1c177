//! The stochastic fit: first and second moments together, each weighted by its own residual spread.

use std::ops::Range;

use mfdoom_matrix::Csr;
use mfdoom_matrix::error::Result;
use rayon::prelude::*;

use super::quantile::{upper, upper_extreme};
use super::{SteadyOptions, SteadyState, fit_deterministic};
use crate::moments::{MomentsByGene, SecondMoments, Smoother};

/// Fits gamma from first and second moments for the velocity genes of the deterministic fit.
///
/// `spliced` and `unspliced` are normalised counts, `[n_cells, n_genes]`. With `x = 2 Mss - Ms`, `y = 2 Mus + Mu`,
/// gamma minimises the squared residuals of `Mu = gamma Ms` over the cells of extreme expression and of `y = gamma x`
/// over all cells, each divided by its standard deviation (Bergen 2020). Other genes keep the deterministic ratio.
///
/// # Errors
/// When counts, moments and smoother differ in shape.
pub fn fit_stochastic(
    moments: &MomentsByGene,
    smoother: &Smoother,
    (spliced, unspliced): (&Csr, &Csr),
    options: &SteadyOptions,
) -> Result<SteadyState> {
    let mut fit = fit_deterministic(moments, options);
    let block = GeneBlock { genes: 0..moments.n_genes(), moments, spliced, unspliced };
    generalise(&mut fit, &block, smoother, options)?;
    Ok(fit)
}

/// Some genes of a fit: which they are, and their moments and normalised counts alone.
#[derive(Debug, Clone)]
pub struct GeneBlock<'a> {
    /// Their numbers among all genes.
    pub genes: Range<usize>,
    /// Their moments.
    pub moments: &'a MomentsByGene,
    /// Their spliced counts, `[n_cells, genes.len()]`.
    pub spliced: &'a Csr,
    /// Their unspliced counts, `[n_cells, genes.len()]`.
    pub unspliced: &'a Csr,
}

/// Puts the ratios of [`fit_stochastic`] in place of the deterministic ones, for the genes of a block that take part.
///
/// # Errors
/// When counts, moments and smoother differ in shape.
pub fn generalise(
    fit: &mut SteadyState,
    block: &GeneBlock<'_>,
    smoother: &Smoother,
    options: &SteadyOptions,
) -> Result<()> {
    let moments = block.moments;
    let all = !fit.velocity_genes.contains(&true);
    let genes: Vec<bool> = fit.velocity_genes[block.genes.clone()].iter().map(|gene| all || *gene).collect();
    if !genes.contains(&true) {
        return Ok(());
    }
    let (s, u) = (block.spliced.select_columns(&genes), block.unspliced.select_columns(&genes));
    let second = SecondMoments::new(smoother, &s, &u)?;
    let (mss, mus) = (second.spliced_spliced.transposed(), second.unspliced_spliced.transposed());
    let chosen: Vec<usize> = (0..genes.len()).filter(|&j| genes[j]).collect();
    let gamma: Vec<f64> = chosen
        .par_iter()
        .enumerate()
        .map_init(Vec::new, |scratch, (k, &j)| {
            let gene = Gene {
                ms: moments.spliced.row(j),
                mu: moments.unspliced.row(j),
                mss: mss.row(k),
                mus: mus.row(k),
            };
            gene.fit(fit.quantile_ratio[block.genes.start + j], options.percentile, scratch)
        })
        .collect();
    for (&j, value) in chosen.iter().zip(gamma) {
        fit.gamma[block.genes.start + j] = value;
    }
    Ok(())
}

/// Moments of one gene over all cells.
struct Gene<'a> {
    ms: &'a [f32],
    mu: &'a [f32],
    mss: &'a [f32],
    mus: &'a [f32],
}

impl Gene<'_> {
    /// Returns the generalised least-squares ratio; `ratio` is the deterministic one.
    fn fit(&self, ratio: f64, q: f64, scratch: &mut Vec<f64>) -> f64 {
        let extreme = upper_extreme(self.ms, self.mu, q, scratch);
        let high = upper(self.ms, q, scratch);
        let (mut xx, mut xy) = (0.0, 0.0);
        for (s, u) in
            self.first().zip(extreme.iter().zip(&high)).filter(|(_, (a, b))| **a || **b).map(|x| x.0)
        {
            xx += s * s;
            xy += s * u;
        }
        let (mut xx2, mut xy2) = (0.0, 0.0);
        for (x, y) in self.second() {
            xx2 += x * x;
            xy2 += x * y;
        }
        let ratio2 = if xx2 > 0.0 { xy2 / xx2 } else { 0.0 };
        let weight = 1.0 / variance(self.first().map(|(s, u)| u - ratio * s));
        let weight2 = 1.0 / variance(self.second().map(|(x, y)| y - ratio2 * x));
        let gamma = (weight * xy + weight2 * xy2) / (weight * xx + weight2 * xx2);
        if gamma.is_finite() { f64::from(gamma as f32) } else { 0.0 }
    }

    /// Returns spliced and unspliced means of every cell.
    fn first(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.ms.iter().zip(self.mu).map(|(&s, &u)| (f64::from(s), f64::from(u)))
    }

    /// Returns `2 Mss - Ms` and `2 Mus + Mu` of every cell.
    fn second(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let products = self.mss.iter().zip(self.mus);
        let pair = |((s, u), (&ss, &us)): ((f64, f64), (&f32, &f32))| {
            (2.0 * f64::from(ss) - s, 2.0 * f64::from(us) + u)
        };
        self.first().zip(products).map(pair)
    }
}

/// Returns the population variance.
fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        n += 1.0;
        sum += value;
        squares += value * value;
    }
    let mean = sum / n;
    squares / n - mean * mean
}
