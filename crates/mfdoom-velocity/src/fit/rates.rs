//! One fit of a set of cells.

use mfdoom_error::{Error, Result};
use mfdoom_kinetics::dynamics::{
    Dynamics, DynamicsOptions, GeneDynamics, dynamical_velocity, dynamical_velocity_genes, recover_dynamics,
};
use mfdoom_kinetics::moments::{Moments, MomentsByGene, Smoother};
use mfdoom_kinetics::steady::{self, SteadyOptions, SteadyState, fit_deterministic, fit_stochastic};
use mfdoom_matrix::Csr;
use mfdoom_matrix::Matrix;

use crate::args::{FitArgs, Mode};

/// Least likelihood of a velocity gene of the dynamical mode, as in scVelo.
const MIN_LIKELIHOOD: f64 = 1e-3;

/// A parameter of the dynamical mode: the column it is written to, and where it is.
type Parameter = (&'static str, fn(&GeneDynamics) -> f64);

/// Parameters of the dynamical mode under scVelo's names.
const PARAMETERS: [Parameter; 13] = [
    ("fit_alpha", |fit| fit.alpha),
    ("fit_beta", |fit| fit.beta),
    ("fit_gamma", |fit| fit.gamma),
    ("fit_t_", |fit| fit.switch),
    ("fit_scaling", |fit| fit.scaling),
    ("fit_std_u", |fit| fit.std_u),
    ("fit_std_s", |fit| fit.std_s),
    ("fit_likelihood", |fit| fit.likelihood),
    ("fit_pval_steady", |fit| fit.p_steady),
    ("fit_steady_u", |fit| fit.steady_u),
    ("fit_steady_s", |fit| fit.steady_s),
    ("fit_variance", |fit| fit.variance),
    ("fit_alignment_scaling", |fit| fit.alignment_scaling),
];

/// Rates and velocities of n cells and G genes.
#[derive(Clone, Debug)]
pub struct Rates {
    /// Steady-state ratio; NaN where nothing could be fitted, [G].
    pub gamma: Vec<f64>,
    /// Share of the variance of Mu that the line explains, [G].
    pub r2: Vec<f64>,
    /// Genes for the graph, [G].
    pub velocity_genes: Vec<bool>,
    /// Named parameters of the dynamical mode, each [G]; NaN where not fitted.
    pub fits: Vec<(String, Vec<f64>)>,
    /// Velocities, [n, G], NaN for genes not fitted; nothing where they are computed as they are written.
    pub velocity: Option<Matrix>,
    /// Latent time of every cell in every gene, [n, G], in the dynamical mode; NaN for genes not fitted.
    pub time: Option<Matrix>,
}

/// Fits the cells of `moments` and `smoother`; `layers` are their normalised spliced and unspliced counts.
///
/// # Errors
/// Contract, when the cells cannot be fitted at all.
pub fn fit(moments: &Moments, smoother: &Smoother, layers: (&Csr, &Csr), args: &FitArgs) -> Result<Rates> {
    let options = options(args);
    match args.mode {
        Mode::Deterministic => steady_rates(moments, fit_deterministic(&moments.by_gene(), &options)),
        Mode::Stochastic => {
            let fit =
                fit_stochastic(&moments.by_gene(), smoother, layers, &options).map_err(Error::refusal)?;
            steady_rates(moments, fit)
        }
        Mode::Dynamical => dynamical(&moments.by_gene(), smoother, &options),
    }
}

/// Returns the settings of the steady-state fit.
pub fn options(args: &FitArgs) -> SteadyOptions {
    let adjusted_r2 = args.mode == Mode::Dynamical;
    SteadyOptions { min_r2: args.min_r2, min_ratio: args.min_ratio, adjusted_r2, ..Default::default() }
}

/// Turns a steady-state fit into rates, without velocities.
pub fn of_steady(fit: SteadyState) -> Rates {
    let gamma: Vec<f64> = fit.gamma.iter().map(|&gamma| if gamma > 0.0 { gamma } else { f64::NAN }).collect();
    let genes = fit.velocity_genes.iter().zip(&gamma).map(|(&chosen, gamma)| chosen && gamma.is_finite());
    Rates { velocity_genes: genes.collect(), gamma, r2: fit.r2, fits: Vec::new(), velocity: None, time: None }
}

/// Turns a steady-state fit into rates and velocities.
fn steady_rates(moments: &Moments, fit: SteadyState) -> Result<Rates> {
    let mut rates = of_steady(fit);
    rates.velocity = Some(steady::velocity(moments, &rates.gamma).map_err(Error::refusal)?);
    Ok(rates)
}

/// Fits the dynamics of the genes that an adjusted steady-state fit chooses.
fn dynamical(moments: &MomentsByGene, smoother: &Smoother, options: &SteadyOptions) -> Result<Rates> {
    let steady = fit_deterministic(moments, options);
    let chosen = &steady.velocity_genes;
    let dynamics = recover_dynamics(moments, smoother, chosen, &DynamicsOptions::default());
    let dynamics = dynamics.map_err(Error::refusal)?;
    let velocity = dynamical_velocity(moments, smoother, &dynamics).map_err(Error::refusal)?;
    let velocity_genes = dynamical_velocity_genes(&dynamics, &steady.r2, MIN_LIKELIHOOD, options.min_r2);
    let n_genes = moments.n_genes();
    let parameter = |&(name, pick): &Parameter| {
        let mut values = vec![f64::NAN; n_genes];
        dynamics.genes.iter().zip(&dynamics.fits).for_each(|(&gene, fit)| values[gene] = pick(fit));
        (name.to_owned(), values)
    };
    Ok(Rates {
        gamma: steady.gamma.iter().map(|&gamma| if gamma > 0.0 { gamma } else { f64::NAN }).collect(),
        r2: steady.r2,
        velocity_genes: velocity_genes.map_err(Error::refusal)?,
        fits: PARAMETERS.iter().map(parameter).collect(),
        velocity: Some(velocity),
        time: Some(times(&dynamics, n_genes)),
    })
}

/// Returns the latent times by cell, [n, G].
fn times(dynamics: &Dynamics, n_genes: usize) -> Matrix {
    let by_cell = dynamics.time.transposed();
    let mut out = Matrix::filled(by_cell.n_rows(), n_genes, f32::NAN);
    for i in 0..by_cell.n_rows() {
        let row = out.row_mut(i);
        dynamics.genes.iter().zip(by_cell.row(i)).for_each(|(&gene, &time)| row[gene] = time);
    }
    out
}
