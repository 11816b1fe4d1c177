//! Counts: negative binomial likelihood, with or without additional zeros.

use candle_core::{DType, Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, ParameterStore, log_softmax, negative_binomial};

use super::{CountDistributions, DecoderLoss, Likelihood, Losses, ObservedCounts, Target};
use crate::config::DecoderConfig;
use crate::decoder::Outputs;
use crate::profile::TARGET_SUM;
use crate::start::{Starter, Units, means, set};

/// Mean of log-normalised counts below which a gene is not weighed higher.
const LEAST_MEAN: f64 = 1e-2;

/// Outputs are the logits of genes, whose softmax is the share of the counts.
#[derive(Clone, Debug)]
pub(super) struct OfCounts {
    /// Logarithm of the inverse dispersion, `[outputs]`.
    log_dispersion: Tensor,
}

impl OfCounts {
    pub(super) fn build(p: &ParameterBuilder, config: &DecoderConfig) -> Result<Self> {
        Ok(Self { log_dispersion: p.get("log_dispersion", config.outputs(), Init::ZEROS)? })
    }
}

impl Likelihood for OfCounts {
    /// Negative log-likelihood per observed count. The mean is softmax over the observed genes of a target times
    /// the library size.
    fn loss(&self, config: &DecoderConfig, outputs: &Outputs, target: &Target) -> Result<Losses> {
        let Target::Counts(target) = target else { return target.is_another("counts") };
        let log_mean = log_mean(config, &outputs.values, target)?;
        let n = target.counts.observed.iter().filter(|seen| **seen).count().max(1);
        let loss = negative_binomial(&log_mean, &self.log_dispersion, outputs.gate.as_ref(), &target.counts)?;
        let total = (loss.sum_all()? / n as f64)?;
        Ok(Losses { terms: vec![("likelihood", total.clone())], total })
    }

    fn predict(&self, config: &DecoderConfig, outputs: &Outputs) -> Result<Tensor> {
        let shares = log_shares(config, outputs)?.exp()?;
        (shares.affine(f64::from(TARGET_SUM), 1.0))?.log()?.reshape(outputs.values.shape())
    }

    /// Sets the bias to the logarithm of each gene's mean share, the dispersion to that of the moments, and the
    /// gate to one extra zero in ten.
    ///
    /// The units are such that squared errors weigh as in a Poisson likelihood, the mean m of a gene's
    /// log-normalised counts being in proportion to its share: deviations over the root of m.
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
        let mut bias: Vec<f32> = moments.iter().map(Moments::log_share).collect();
        if config.loss == DecoderLoss::Zinb {
            bias.extend(vec![(0.1f32 / 0.9).ln(); moments.len()]);
        }
        set(store, "decoder.bias", bias)?;
        set(store, "decoder.log_dispersion", moments.iter().map(Moments::log_dispersion).collect())?;
        let scale: Vec<f64> = mean.iter().map(|m| m.max(LEAST_MEAN).sqrt()).collect();
        Ok(Some(Units { factor: scale.iter().map(|s| 1.0 / s).collect(), mean, scale, as_logs: true }))
    }

    fn distributions(&self, config: &DecoderConfig, outputs: &Outputs) -> Result<Option<CountDistributions>> {
        let numbers = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        Ok(Some(CountDistributions {
            log_shares: numbers(&log_shares(config, outputs)?)?,
            dispersions: numbers(&self.log_dispersion)?.into_iter().map(f64::exp).collect(),
            gates: outputs.gate.as_ref().map(numbers).transpose()?,
        }))
    }
}

/// Returns the logarithm of each gene's share of a target's counts, `[cells, targets, genes]`.
fn log_shares(config: &DecoderConfig, outputs: &Outputs) -> Result<Tensor> {
    let (cells, _) = outputs.values.dims2()?;
    log_softmax(&outputs.values.reshape((cells, config.targets.len(), config.genes))?)
}

/// Returns `ln(library size x softmax)`, `[cells, outputs]`, where the softmax runs over the observed genes of
/// each target.
fn log_mean(config: &DecoderConfig, outputs: &Tensor, target: &ObservedCounts) -> Result<Tensor> {
    let (cells, n) = outputs.dims2()?;
    let shape = (cells, config.targets.len(), config.genes);
    let (device, dtype) = (outputs.device(), outputs.dtype());
    let hidden: Vec<f32> =
        target.counts.observed.iter().map(|seen| if *seen { 0.0 } else { -1e30 }).collect();
    let hidden = Tensor::from_vec(hidden, shape, device)?.to_dtype(dtype)?;
    let library: Vec<f32> = target.library.iter().map(|size| size.max(1e-3).ln()).collect();
    let library = Tensor::from_vec(library, (cells, config.targets.len(), 1), device)?.to_dtype(dtype)?;
    let shares = log_softmax(&(outputs.reshape(shape)? + hidden)?)?;
    shares.broadcast_add(&library)?.reshape((cells, n))
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
    fn log_share(&self) -> f32 {
        ((self.sum + 0.1) / (self.sizes + 1.0)).ln() as f32
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
