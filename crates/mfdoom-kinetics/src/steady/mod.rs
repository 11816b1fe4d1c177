//! Steady-state velocity: a ratio gamma (degradation over splicing, beta = 1) per gene, and `v = Mu - gamma Ms`.
//!
//! `deterministic` fits the cells of highest expression through the origin (La Manno 2018), `stochastic` adds the
//! second moments by generalised least squares (Bergen 2020); both with scVelo 0.3.4's weights.

mod generalised;
mod quantile;
mod ratio;

pub use generalised::{GeneBlock, fit_stochastic, generalise};
use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Result, same};
pub use ratio::{GeneFit, choose_genes, fit_deterministic, fit_genes};
use rayon::prelude::*;

use crate::moments::Moments;

/// Which genes are trusted, and which cells are taken as near steady state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SteadyOptions {
    /// Least coefficient of determination of a velocity gene (above it).
    pub min_r2: f64,
    /// Least extreme-quantile ratio of a velocity gene (above it).
    pub min_ratio: f64,
    /// Measure r2 by the line through all cells (as the choice of genes for the dynamical mode does) instead of by gamma.
    pub adjusted_r2: bool,
    /// Percentile of total normalised expression from which a cell takes part in the fit.
    pub percentile: f64,
}

impl Default for SteadyOptions {
    fn default() -> Self {
        Self { min_r2: 0.01, min_ratio: 0.01, adjusted_r2: false, percentile: 95.0 }
    }
}

/// One steady-state fit per gene.
#[derive(Debug, Clone, PartialEq)]
pub struct SteadyState {
    /// Ratio used for the velocity; 0 where nothing could be fitted.
    pub gamma: Vec<f64>,
    /// Ratio of the extreme-quantile fit alone.
    pub quantile_ratio: Vec<f64>,
    /// Share of the variance of Mu over all cells that the deterministic line explains; below 0 where it misses them.
    pub r2: Vec<f64>,
    /// Genes to use in the graph.
    pub velocity_genes: Vec<bool>,
}

/// Returns `Mu - gamma Ms` for every cell and gene, `[n_cells, n_genes]`, in size-normalised counts (beta = 1).
///
/// # Errors
/// When there is not one gamma a gene.
pub fn velocity(moments: &Moments, gamma: &[f64]) -> Result<Matrix> {
    same("ratios, one a gene", gamma.len(), moments.n_genes())?;
    let gamma: Vec<f32> = gamma.iter().map(|&value| value as f32).collect();
    let mut out = Matrix::filled(moments.n_cells(), gamma.len(), 0.0);
    if gamma.is_empty() {
        return Ok(out);
    }
    out.data_mut().par_chunks_mut(gamma.len()).enumerate().for_each(|(i, row)| {
        let (spliced, unspliced) = (moments.spliced.row(i), moments.unspliced.row(i));
        for (j, slot) in row.iter_mut().enumerate() {
            *slot = unspliced[j] - gamma[j] * spliced[j];
        }
    });
    Ok(out)
}
