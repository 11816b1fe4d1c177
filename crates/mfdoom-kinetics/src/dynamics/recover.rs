//! Fits the dynamics of many genes at once and brings their times to one scale.

use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Error, Result, same};
use rayon::prelude::*;

use super::em::fit;
use super::initial::initialise;
use super::model::Model;
use crate::moments::{MomentsByGene, Smoother};

/// How long and to what time scale genes are fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DynamicsOptions {
    /// Simplex iterations of a gene, shared by the five steps of the fit.
    pub max_iterations: usize,
    /// Duration of induction and repression together after rescaling.
    pub t_max: f64,
}

impl Default for DynamicsOptions {
    fn default() -> Self {
        Self { max_iterations: 10, t_max: 20.0 }
    }
}

/// Fitted dynamics of one gene; rates are per unit of the rescaled time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GeneDynamics {
    /// Transcription rate of scaled unspliced abundance, while induced.
    pub alpha: f64,
    /// Splicing rate of unspliced abundance.
    pub beta: f64,
    /// Degradation rate.
    pub gamma: f64,
    /// Time of the switch from induction to repression.
    pub switch: f64,
    /// Unspliced abundance that counts as one spliced.
    pub scaling: f64,
    /// Standard deviation of the fitted unspliced abundances.
    pub std_u: f64,
    /// Standard deviation of the fitted spliced abundances.
    pub std_s: f64,
    /// Likelihood of the fit, per cell.
    pub likelihood: f64,
    /// Chance that the abundances have one mode only.
    pub p_steady: f64,
    /// Unspliced abundance of the upper mode.
    pub steady_u: f64,
    /// Spliced abundance of the upper mode.
    pub steady_s: f64,
    /// Variance of the signed distances.
    pub variance: f64,
    /// What times were multiplied by.
    pub alignment_scaling: f64,
}

impl GeneDynamics {
    /// Returns the splicing rate of scaled unspliced abundance.
    pub(super) fn beta_scaled(&self) -> f64 {
        self.beta * self.scaling
    }
}

/// Dynamics of all genes that could be fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Dynamics {
    /// Numbers of the fitted genes, ascending.
    pub genes: Vec<usize>,
    /// The fits, one a fitted gene.
    pub fits: Vec<GeneDynamics>,
    /// Latent time averaged over each neighbourhood, `[n_fitted, n_cells]` (scVelo `fit_t`).
    pub time: Matrix,
    /// Time on the induction branch, `[n_fitted, n_cells]` (scVelo `fit_tau`).
    pub tau: Matrix,
    /// Time on the repression branch, `[n_fitted, n_cells]` (scVelo `fit_tau_`).
    pub tau_off: Matrix,
}

/// Fits the genes that `chosen` marks, on all threads; genes with fewer than three expressing cells are left out.
///
/// Genes to choose are those that [`crate::steady::fit_deterministic`] with `adjusted_r2` calls velocity genes.
///
/// # Errors
/// When arrays differ in shape or no gene can be fitted.
pub fn recover_dynamics(
    moments: &MomentsByGene,
    smoother: &Smoother,
    chosen: &[bool],
    options: &DynamicsOptions,
) -> Result<Dynamics> {
    same("marks of genes to fit", chosen.len(), moments.n_genes())?;
    same("cells of the smoother", smoother.n_cells(), moments.n_cells())?;
    let numbers: Vec<usize> = (0..chosen.len()).filter(|&j| chosen[j]).collect();
    let (s, u) = (&moments.spliced, &moments.unspliced);
    let fits: Vec<Option<Recovered>> = numbers
        .par_iter()
        .map_init(Model::default, |model, &j| {
            if !model.gene.load(s.row(j), u.row(j), smoother, &mut model.scratch) {
                return None;
            }
            Some(recover_gene(model, smoother, options))
        })
        .collect();
    let found: Vec<(usize, Recovered)> =
        numbers.into_iter().zip(fits).filter_map(|(j, fit)| Some((j, fit?))).collect();
    if found.is_empty() {
        return Err(Error::Unusable("no gene has spliced and unspliced counts in three cells".into()));
    }
    let n = moments.n_cells();
    let matrix = |pick: fn(&Recovered) -> &Vec<f32>| {
        Matrix::new(found.iter().flat_map(|(_, fit)| pick(fit)).copied().collect(), found.len(), n)
    };
    Ok(Dynamics {
        time: matrix(|fit| &fit.time)?,
        tau: matrix(|fit| &fit.tau)?,
        tau_off: matrix(|fit| &fit.tau_off)?,
        genes: found.iter().map(|(j, _)| *j).collect(),
        fits: found.iter().map(|(_, fit)| fit.fit).collect(),
    })
}

/// One gene's fit and times.
struct Recovered {
    fit: GeneDynamics,
    time: Vec<f32>,
    tau: Vec<f32>,
    tau_off: Vec<f32>,
}

/// Fits the loaded gene, averages its times and rescales them.
fn recover_gene(model: &mut Model, smoother: &Smoother, options: &DynamicsOptions) -> Recovered {
    let modes = initialise(model, smoother);
    fit(model, smoother, options.max_iterations / 5);
    let p = model.parameters();
    // This evaluates the accepted parameters last, so the branch times in the scratch are theirs.
    let (likelihood, variance) = model.likelihood_and_variance(smoother);
    let mut time = vec![0.0; model.gene.u.len()];
    smoother.apply(&model.assignment.time, &mut time);
    let m = options.t_max / duration(&time, p.switch);
    let rescaled = |values: &[f64]| values.iter().map(|t| (t * m) as f32).collect();
    let fit = GeneDynamics {
        alpha: p.alpha / m,
        beta: p.beta / p.scaling / m,
        gamma: p.gamma / m,
        switch: p.switch * m,
        scaling: p.scaling,
        std_u: model.gene.std_u,
        std_s: model.gene.std_s,
        likelihood,
        p_steady: modes.p_value,
        steady_u: model.steady_u * p.scaling,
        steady_s: modes.steady_s,
        variance,
        alignment_scaling: m,
    };
    Recovered {
        fit,
        time: rescaled(&time),
        tau: rescaled(&model.scratch.tau),
        tau_off: rescaled(&model.scratch.tau_off),
    }
}

/// Returns the time that induced and repressed cells span, stretched by the share of cells in steady state.
fn duration(time: &[f64], switch: f64) -> f64 {
    let (mut on, mut off, mut steady) = (0.0_f64, 0.0_f64, 0.0);
    for &t in time {
        if t < switch {
            on = on.max(t);
        } else {
            off = off.max(t - switch);
        }
        steady += f64::from(u8::from(t == switch || t == 0.0));
    }
    let moving = 1.0 - steady / time.len() as f64;
    let duration = (on + off) / if moving == 0.0 { 1.0 } else { moving };
    if duration == 0.0 { 1.0 } else { duration }
}
