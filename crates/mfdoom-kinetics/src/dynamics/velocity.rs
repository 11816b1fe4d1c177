//! Velocities from fitted dynamics: the slope of each gene's curve at the cell's neighbourhood-averaged time.

use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Result, same};
use mfdoom_matrix::percentile;
use rayon::prelude::*;

use super::curve::{Branch, Parameters};
use super::recover::{Dynamics, GeneDynamics};
use crate::moments::{MomentsByGene, Smoother};

/// Likelihood below which a cell belongs to no state.
const NOWHERE: f64 = 1e-6;

/// Returns `ds/dt` of every cell and gene `[n_cells, n_genes]` in the rescaled time; NaN for genes not fitted.
///
/// A cell at a steady state has velocity 0, and no velocity takes more than is there (scVelo `velocity`).
///
/// # Errors
/// When moments, smoother and dynamics differ in cells.
pub fn dynamical_velocity(
    moments: &MomentsByGene,
    smoother: &Smoother,
    dynamics: &Dynamics,
) -> Result<Matrix> {
    let n = moments.n_cells();
    same("cells of the smoother", smoother.n_cells(), n)?;
    same("cells of the dynamics", dynamics.time.n_cols(), n)?;
    let mut columns = Matrix::filled(dynamics.genes.len(), n, 0.0);
    let arch = pulp::Arch::new();
    columns.data_mut().par_chunks_mut(n).enumerate().for_each(|(k, out)| {
        let gene = Observed {
            fit: &dynamics.fits[k],
            u: moments.unspliced.row(dynamics.genes[k]),
            s: moments.spliced.row(dynamics.genes[k]),
            tau: dynamics.tau.row(k),
            tau_off: dynamics.tau_off.row(k),
        };
        arch.dispatch(Velocity { gene, smoother, out });
    });
    let mut out = Matrix::filled(n, moments.n_genes(), f32::NAN);
    let rows = columns.transposed();
    out.data_mut().par_chunks_mut(moments.n_genes()).enumerate().for_each(|(i, row)| {
        for (&j, &value) in dynamics.genes.iter().zip(rows.row(i)) {
            row[j] = value;
        }
    });
    Ok(out)
}

/// Marks the fitted genes to use in the graph, of `r2.len()` genes (scVelo's thresholds).
///
/// `r2` is that of [`crate::steady::fit_deterministic`] with `adjusted_r2`. Genes of extreme scaling are left out.
///
/// # Errors
/// When a fitted gene is not among the genes of `r2`.
pub fn dynamical_velocity_genes(
    dynamics: &Dynamics,
    r2: &[f64],
    min_likelihood: f64,
    min_r2: f64,
) -> Result<Vec<bool>> {
    if let Some(&last) = dynamics.genes.last().filter(|&&last| last >= r2.len()) {
        same("r2, one a gene", r2.len(), last + 1)?;
    }
    let scaling: Vec<f64> = dynamics.fits.iter().map(|fit| fit.scaling).collect();
    let low = percentile(&mut scaling.clone(), 10.0).min(0.03);
    let high = percentile(&mut scaling.clone(), 90.0).max(3.0);
    let mut out = vec![false; r2.len()];
    for (&j, fit) in dynamics.genes.iter().zip(&dynamics.fits) {
        out[j] = fit.likelihood > min_likelihood && r2[j] > min_r2 && fit.scaling > low && fit.scaling < high;
    }
    Ok(out)
}

/// One fitted gene and its cells.
struct Observed<'a> {
    fit: &'a GeneDynamics,
    u: &'a [f32],
    s: &'a [f32],
    tau: &'a [f32],
    tau_off: &'a [f32],
}

/// Arguments of [`Observed::velocity`], whose body is compiled for each kind of vector unit.
struct Velocity<'a> {
    gene: Observed<'a>,
    smoother: &'a Smoother,
    out: &'a mut [f32],
}

impl pulp::WithSimd for Velocity<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) {
        self.gene.velocity(self.smoother, self.out);
    }
}

impl Observed<'_> {
    /// Writes the velocity of every cell.
    #[inline(always)]
    fn velocity(&self, smoother: &Smoother, out: &mut [f32]) {
        let p = Parameters {
            alpha: self.fit.alpha,
            beta: self.fit.beta_scaled(),
            gamma: self.fit.gamma,
            scaling: self.fit.scaling,
            switch: self.fit.switch,
        };
        let (on, off) = (p.induction(), p.repression(p.at_switch()));
        let distances: Vec<[f64; 4]> =
            (0..self.u.len()).map(|i| self.distances(i, &p, [&on, &off])).collect();
        let variance = self.variance(&distances, &p, [&on, &off]);
        let state: Vec<usize> =
            (0..self.u.len()).map(|i| most_likely(smoother, i, &distances, variance)).collect();
        let time: Vec<f64> = (0..self.u.len())
            .map(|i| match state[i] {
                0 => f64::from(self.tau_off[i]) + p.switch,
                1 => f64::from(self.tau[i]),
                _ => 0.0,
            })
            .collect();
        let mut smooth = vec![0.0; time.len()];
        smoother.apply(&time, &mut smooth);
        for (i, slot) in out.iter_mut().enumerate() {
            let (u, s) = if smooth[i] < p.switch { on.at(smooth[i]) } else { off.at(smooth[i] - p.switch) };
            let velocity = if state[i] < 2 { u * p.beta - s * p.gamma } else { 0.0 };
            *slot = velocity.max(-f64::from(self.s[i])) as f32;
        }
    }

    /// Returns squared distances to repression, induction, silence and saturation.
    #[inline(always)]
    fn distances(&self, i: usize, p: &Parameters, [on, off]: [&Branch; 2]) -> [f64; 4] {
        let (tau, tau_off) = (f64::from(self.tau[i]), f64::from(self.tau_off[i]));
        let saturated = (p.alpha / p.beta, p.alpha / p.gamma);
        let points = [off.at(tau_off), on.at(tau), (0.0, 0.0), saturated];
        let mut out = [0.0; 4];
        for (slot, point) in out.iter_mut().zip(points) {
            let (du, ds) = self.difference(i, p, point);
            *slot = du * du + ds * ds;
        }
        out
    }

    /// Returns the differences of a cell from a point, in standard deviations.
    #[inline(always)]
    fn difference(&self, i: usize, p: &Parameters, (u, s): (f64, f64)) -> (f64, f64) {
        let du = (f64::from(self.u[i]) / p.scaling - u) / (self.fit.std_u / p.scaling);
        (du, (f64::from(self.s[i]) - s) / self.fit.std_s)
    }

    /// Returns the variance of the signed distances to the nearer branch.
    #[inline(always)]
    fn variance(&self, distances: &[[f64; 4]], p: &Parameters, [on, off]: [&Branch; 2]) -> f64 {
        let (mut sum, mut signed) = (0.0, 0.0);
        for (i, &[to_off, to_on, ..]) in distances.iter().enumerate() {
            let induced = to_on < to_off;
            let point =
                if induced { on.at(f64::from(self.tau[i])) } else { off.at(f64::from(self.tau_off[i])) };
            let distance = if induced { to_on } else { to_off };
            let (_, ds) = self.difference(i, p, point);
            sum += distance;
            signed += if ds == 0.0 { 0.0 } else { distance.sqrt().copysign(ds) };
        }
        let n = distances.len() as f64;
        sum / n - (signed / n).powi(2)
    }
}

/// Returns the state of highest likelihood of a neighbourhood: 0 repression, 1 induction, else steady or nowhere.
#[inline(always)]
fn most_likely(smoother: &Smoother, i: usize, distances: &[[f64; 4]], variance: f64) -> usize {
    let mut mean = [0.0; 4];
    for &j in smoother.cells(i) {
        for (slot, distance) in mean.iter_mut().zip(&distances[j as usize]) {
            *slot += distance;
        }
    }
    let norm = 1.0 / (2.0 * std::f64::consts::PI * variance.sqrt());
    let mut best = (0, f64::NEG_INFINITY);
    for (k, sum) in mean.into_iter().enumerate() {
        let likelihood = norm * (-0.5 * sum * smoother.weight(i) / variance).exp();
        if likelihood > best.1 {
            best = (k, likelihood);
        }
    }
    if NOWHERE > best.1 { 4 } else { best.0 }
}
