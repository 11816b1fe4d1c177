//! Counts: negative binomial likelihood, with or without additional zeros.
//!
//! ```text
//! o_g       output of a gene: its log-normalised count over its mean m_g in the training cells
//! x_g       = m_g (softplus(o_g) + 0.01),  softplus(o) = T_g ln(1 + exp(o / T_g)),  T_g = 0.1 / sqrt(m_g)
//! share_g   = f_g (exp(x_g) - 1) / 1e4
//! count_g   ~ NB(library size x share_g, dispersion of the gene)
//! ```
//!
//! So a regression of log-normalised counts is a start, and f_g makes the mean of its shares that of the training cells.
//! Shares need not sum to one: a library size may count genes that the file lacks.

use candle_core::{DType, Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, ParameterStore, negative_binomial};

use super::{CountDistributions, DecoderLoss, Likelihood, Losses, ObservedCounts, Target};
use crate::config::DecoderConfig;
use crate::decoder::Outputs;
use crate::profile::TARGET_SUM;
use crate::start::{Starter, Units, means, set};

/// Least mean of log-normalised counts of a gene.
const LEAST_MEAN: f64 = 1e-2;
/// Width of the softplus for a gene of mean 1, in means; noise is as of a Poisson count, so it grows as the root falls.
const WIDTH: f64 = 0.1;
/// What is added to it: no share is 0.
const LEAST: f64 = 0.01;

/// Outputs are log-normalised counts in units of each gene's mean.
#[derive(Clone, Debug)]
pub(super) struct OfCounts {
    /// Mean log-normalised count, at least [`LEAST_MEAN`], `[outputs]`.
    level: Tensor,
    /// Logarithm of the factor of each share, `[outputs]`.
    log_factor: Tensor,
    /// Logarithm of the inverse dispersion, `[outputs]`.
    log_dispersion: Tensor,
}

impl OfCounts {
    pub(super) fn build(p: &ParameterBuilder, config: &DecoderConfig) -> Result<Self> {
        let get = |name, init| p.get(name, config.outputs(), init);
        Ok(Self {
            level: get("target.level", Init::ONES)?,
            log_factor: get("log_factor", Init::ZEROS)?,
            log_dispersion: get("log_dispersion", Init::ZEROS)?,
        })
    }

    /// Returns the logarithm of each gene's share of a target's counts, `[cells, outputs]`.
    fn log_shares(&self, outputs: &Tensor) -> Result<Tensor> {
        let width = (self.level.sqrt()?.recip()? * WIDTH)?;
        let scaled = outputs.broadcast_div(&width)?;
        let tail = (scaled.abs()?.neg()?.exp()? + 1.0)?.log()?;
        let softplus = (scaled.relu()? + tail)?.broadcast_mul(&width)?;
        let values = (softplus + LEAST)?.broadcast_mul(&self.level)?;
        let log = (values.exp()? - 1.0)?.log()?;
        log.broadcast_add(&self.log_factor)? - f64::from(TARGET_SUM).ln()
    }

    /// Returns `ln(library size x share)`, `[cells, outputs]`.
    fn log_mean(&self, config: &DecoderConfig, outputs: &Tensor, target: &ObservedCounts) -> Result<Tensor> {
        let (cells, targets) = (outputs.dim(0)?, config.targets.len());
        let library: Vec<f32> = target.library.iter().map(|size| size.max(1e-3).ln()).collect();
        let library = Tensor::from_vec(library, (cells, targets, 1), outputs.device())?;
        let shares = self.log_shares(outputs)?.reshape((cells, targets, config.genes))?;
        shares.broadcast_add(&library.to_dtype(outputs.dtype())?)?.reshape((cells, targets * config.genes))
    }
}

/// Returns the factor-free share of a gene in ten thousands, of its output and its level.
fn link(output: f64, level: f64) -> f64 {
    let width = WIDTH / level.sqrt();
    let softplus = output.max(0.0) + width * (-output.abs() / width).exp().ln_1p();
    (level * (softplus + LEAST)).exp_m1()
}

/// Adds to `sums` of each gene the shares of some cells in ten thousands and what [`link`] makes of fitted values; both
/// are in units, rows of as many as there are genes.
pub(crate) fn add_shares(sums: &mut [[f64; 2]], (fitted, wanted): (&[f32], &[f32]), units: &Units) {
    for (gene, sum) in sums.iter_mut().enumerate().filter(|(gene, _)| !wanted[*gene].is_nan()) {
        let (mean, level) = (units.mean[gene], units.scale[gene].powi(2));
        let value = mean + f64::from(wanted[gene]) * units.scale[gene];
        let output = mean / level + f64::from(fitted[gene]) * units.factor[gene];
        *sum = [sum[0] + value.exp_m1(), sum[1] + link(output, level)];
    }
}

/// Returns the logarithms of the factors that make both sums of each gene equal.
pub(crate) fn log_factors(sums: &[[f64; 2]]) -> Vec<f64> {
    sums.iter().map(|[wanted, found]| ((wanted + 1e-3) / (found + 1e-3)).ln()).collect()
}

impl Likelihood for OfCounts {
    /// Negative log-likelihood per observed count.
    fn loss(&self, config: &DecoderConfig, outputs: &Outputs, target: &Target) -> Result<Losses> {
        let Target::Counts(target) = target else { return target.is_another("counts") };
        let log_mean = self.log_mean(config, &outputs.values, target)?;
        let n = target.counts.observed.iter().filter(|seen| **seen).count().max(1);
        let loss = negative_binomial(&log_mean, &self.log_dispersion, outputs.gate.as_ref(), &target.counts)?;
        let total = (loss.sum_all()? / n as f64)?;
        Ok(Losses { terms: vec![("likelihood", total.clone())], total })
    }

    fn predict(&self, _: &DecoderConfig, outputs: &Outputs) -> Result<Tensor> {
        self.log_shares(&outputs.values)?.exp()?.affine(f64::from(TARGET_SUM), 1.0)?.log()
    }

    /// Sets level and bias to each gene's mean, the dispersion to that of the moments, and the gate to one extra zero in
    /// ten.
    ///
    /// The units are such that squared errors weigh as in a Poisson likelihood: deviations over the root of the mean.
    fn start(
        &self,
        starter: &Starter<'_>,
        config: &DecoderConfig,
        store: &ParameterStore,
    ) -> mfdoom_error::Result<Option<Units>> {
        let mean = means(&starter.sums(config));
        let mut moments = vec![Moments::default(); config.outputs()];
        starter.each_target(|target| {
            if let Target::Counts(seen) = target {
                add(&mut moments, config.genes, seen);
            }
        })?;
        let level: Vec<f64> = mean.iter().map(|m| m.max(LEAST_MEAN)).collect();
        let mut bias: Vec<f32> = mean.iter().zip(&level).map(|(m, level)| (m / level) as f32).collect();
        let factor = |((of, m), level): ((&Moments, &f64), &f64)| {
            (of.share() * f64::from(TARGET_SUM) / link(m / level, *level)).ln() as f32
        };
        let factors = moments.iter().zip(&mean).zip(&level).map(factor).collect();
        if config.loss == DecoderLoss::Zinb {
            bias.extend(vec![(0.1f32 / 0.9).ln(); moments.len()]);
        }
        set(store, "decoder.bias", bias)?;
        set(store, "decoder.target.level", level.iter().map(|level| *level as f32).collect())?;
        set(store, "decoder.log_factor", factors)?;
        set(store, "decoder.log_dispersion", moments.iter().map(Moments::log_dispersion).collect())?;
        let scale: Vec<f64> = level.iter().map(|level| level.sqrt()).collect();
        Ok(Some(Units { factor: scale.iter().map(|s| 1.0 / s).collect(), mean, scale, as_shares: true }))
    }

    fn distributions(&self, _: &DecoderConfig, outputs: &Outputs) -> Result<Option<CountDistributions>> {
        let numbers = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        Ok(Some(CountDistributions {
            log_shares: numbers(&self.log_shares(&outputs.values)?)?,
            dispersions: numbers(&self.log_dispersion)?.into_iter().map(f64::exp).collect(),
            gates: outputs.gate.as_ref().map(numbers).transpose()?,
        }))
    }
}

/// Sums over the training cells, of one output.
#[derive(Clone, Copy, Default)]
struct Moments {
    cells: f64,
    sizes: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn share(&self) -> f64 {
        (self.sum + 0.1) / (self.sizes + 1.0)
    }

    /// Logarithm of the inverse dispersion by which mean and variance are those of a negative binomial.
    fn log_dispersion(&self) -> f32 {
        let n = self.cells.max(1.0);
        let mean = self.sum / n;
        let excess = (self.squares / n - mean * mean - mean).max(1e-6);
        (mean * mean / excess).clamp(0.05, 50.0).ln() as f32
    }
}

fn add(moments: &mut [Moments], genes: usize, seen: &ObservedCounts) {
    let (n, counts) = (moments.len(), &seen.counts);
    for at in (0..counts.values.len()).filter(|at| counts.observed[*at]) {
        let (of, x) = (&mut moments[at % n], f64::from(counts.values[at]));
        of.cells += 1.0;
        of.sizes += f64::from(seen.library[at / genes]);
        of.sum += x;
        of.squares += x * x;
    }
}
