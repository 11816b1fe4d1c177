//! Where decoders of counts and labels start, and the units of real values.

use mfdoom_error::Result;
use mfdoom_model::decoder::{DecoderConfig, DecoderLoss};
use mfdoom_nn::ParameterStore;

use super::{Starter, Units, set};
use crate::finetune::targets::Targets;

/// Mean of log-normalised counts below which a gene is not weighed higher.
const LEAST_MEAN: f64 = 1e-2;

fn means(sums: &[[f64; 3]]) -> Vec<f64> {
    sums.iter().map(|[n, x, _]| x / n.max(1.0)).collect()
}

impl Starter<'_> {
    /// Sets the mean of each output, and one scale for all: the root mean square deviation.
    pub(super) fn standard(&self, store: &ParameterStore, config: &DecoderConfig) -> Result<Units> {
        let sums = self.sums(config);
        let mean = means(&sums);
        let (mut square, mut count) = (0.0, 0.0);
        for ([n, _, xx], mean) in sums.iter().zip(&mean) {
            square += (xx - n * mean * mean).max(0.0);
            count += n;
        }
        let scale = (square / count.max(1.0)).sqrt();
        let scale = if scale > 0.0 { scale } else { 1.0 };
        set(store, "decoder.target.mean", mean.iter().map(|m| *m as f32).collect())?;
        set(store, "decoder.target.scale", vec![scale as f32; mean.len()])?;
        Ok(Units { scale: vec![scale; mean.len()], factor: vec![1.0; mean.len()], mean })
    }

    /// Number, sum and sum of squares of the training targets, by output.
    fn sums(&self, config: &DecoderConfig) -> Vec<[f64; 3]> {
        let n = config.outputs();
        let mut sums = vec![[0f64; 3]; n];
        for batch in self.training.chunks(256) {
            for row in self.targets.dense(self.cells, batch).chunks(n) {
                for (sums, value) in sums.iter_mut().zip(row).filter(|(_, v)| !v.is_nan()) {
                    let value = f64::from(*value);
                    *sums = [sums[0] + 1.0, sums[1] + value, sums[2] + value * value];
                }
            }
        }
        sums
    }

    /// Sets the bias to the logarithm of each gene's mean share, the dispersion to that of the moments, and the
    /// gate to one extra zero in ten.
    ///
    /// The units are such that squared errors weigh as in a Poisson likelihood, the mean m of a gene's
    /// log-normalised counts being in proportion to its share: deviations over the root of m.
    pub(super) fn count_bias(&self, store: &ParameterStore, config: &DecoderConfig) -> Result<Units> {
        let mean = means(&self.sums(config));
        let scale: Vec<f64> = mean.iter().map(|m| m.max(LEAST_MEAN).sqrt()).collect();
        let units = Units { factor: scale.iter().map(|s| 1.0 / s).collect(), mean, scale };
        let (Targets::Counts(counts), n) = (self.targets, config.outputs()) else { return Ok(units) };
        let (mut cells, mut sizes) = (vec![0f64; n], vec![0f64; n]);
        let (mut sums, mut squares) = (vec![0f64; n], vec![0f64; n]);
        for batch in self.training.chunks(256) {
            let seen = counts.observed(self.cells, batch);
            for at in (0..batch.len() * n).filter(|at| seen.counts.observed[*at]) {
                let (output, x) = (at % n, f64::from(seen.counts.values[at]));
                cells[output] += 1.0;
                sizes[output] += f64::from(seen.library[at / config.genes]);
                sums[output] += x;
                squares[output] += x * x;
            }
        }
        let share = |o: usize| ((sums[o] + 0.1) / (sizes[o] + 1.0)).ln() as f32;
        let dispersion = |o: usize| {
            let (n, mean) = (cells[o].max(1.0), sums[o] / cells[o].max(1.0));
            let excess = (squares[o] / n - mean * mean - mean).max(1e-6);
            (mean * mean / excess).clamp(0.05, 50.0).ln() as f32
        };
        let mut bias: Vec<f32> = (0..n).map(share).collect();
        if config.loss == DecoderLoss::Zinb {
            bias.extend(vec![(0.1f32 / 0.9).ln(); n]);
        }
        set(store, "decoder.bias", bias)?;
        set(store, "decoder.log_dispersion", (0..n).map(dispersion).collect())?;
        Ok(units)
    }

    pub(super) fn label_bias(&self, store: &ParameterStore, n: usize) -> Result<()> {
        let Targets::Labels(labels) = self.targets else { return Ok(()) };
        let mut counts = vec![0.5f32; n];
        for label in self.training.iter().filter_map(|cell| labels.label[*cell]) {
            counts[label as usize] += 1.0;
        }
        let total: f32 = counts.iter().sum();
        set(store, "decoder.bias", counts.iter().map(|c| (c / total).ln()).collect())
    }
}
