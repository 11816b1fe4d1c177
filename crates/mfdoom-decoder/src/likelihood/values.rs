//! Real values: squared error or Huber's loss, in standard deviations.

use candle_core::{D, Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, ParameterStore};

use super::{DecoderLoss, Likelihood, Losses, Target, Values};
use crate::config::DecoderConfig;
use crate::decoder::Outputs;
use crate::start::{Starter, Units, means, set};

/// Outputs are in units of the target's standard deviation, around the mean of each.
#[derive(Clone, Debug)]
pub(super) struct OfValues {
    /// `[outputs]`
    mean: Tensor,
    /// `[outputs]`
    scale: Tensor,
}

impl OfValues {
    pub(super) fn build(p: &ParameterBuilder, config: &DecoderConfig) -> Result<Self> {
        let (p, n) = (p.pp("target"), config.outputs());
        Ok(Self { mean: p.get("mean", n, Init::ZEROS)?, scale: p.get("scale", n, Init::ONES)? })
    }

    fn in_units(&self, outputs: &Tensor) -> Result<Tensor> {
        outputs.broadcast_mul(&self.scale)?.broadcast_add(&self.mean)
    }
}

impl Likelihood for OfValues {
    /// Squared error or Huber's loss per observed value, in standard deviations, plus the weighted distance of
    /// directions: one minus the cosine of a cell's observed values, in their own units.
    fn loss(&self, config: &DecoderConfig, outputs: &Outputs, target: &Target) -> Result<Losses> {
        let Target::Values(Values { values, observed }) = target else { return target.is_another("values") };
        let n = observed.sum_all()?.maximum(1.0)?;
        let wanted = values.broadcast_sub(&self.mean)?.broadcast_div(&self.scale)?;
        let off = ((&outputs.values - &wanted)? * observed)?;
        let (name, error) = match config.loss {
            DecoderLoss::Huber => ("huber", huber(&off)?),
            _ => ("mse", off.sqr()?),
        };
        let error = error.sum_all()?.div(&n)?;
        let mut terms = vec![(name, error.clone())];
        let mut total = error;
        if config.cosine > 0.0 {
            let predicted = (self.in_units(&outputs.values)? * observed)?;
            let distance = direction(&predicted, &(values * observed)?)?;
            total = (total + (&distance * config.cosine)?)?;
            terms.push(("cosine", distance));
        }
        Ok(Losses { total, terms })
    }

    fn predict(&self, _: &DecoderConfig, outputs: &Outputs) -> Result<Tensor> {
        self.in_units(&outputs.values)
    }

    /// Sets the mean of each output, and one scale for all: the root mean square deviation.
    fn start(
        &self,
        starter: &Starter<'_>,
        config: &DecoderConfig,
        store: &ParameterStore,
    ) -> mfdoom_error::Result<Option<Units>> {
        let sums = starter.sums(config);
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
        let n = mean.len();
        Ok(Some(Units { scale: vec![scale; n], factor: vec![1.0; n], mean, as_shares: false }))
    }
}

/// Huber's loss with threshold 1: half the square within it, the distance less a half beyond.
fn huber(off: &Tensor) -> Result<Tensor> {
    let size = off.abs()?;
    let within = size.minimum(1.0)?;
    (within.sqr()? * 0.5)? + (size - within)?
}

/// Mean over the cells with a target of `1 - cos(a, b)`.
fn direction(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let length = |x: &Tensor| (x.sqr()?.sum(D::Minus1)? + 1e-12)?.sqrt(); // [cells]
    let cosine = (a * b)?.sum(D::Minus1)?.div(&(length(a)? * length(b)?)?)?;
    let has = b.abs()?.sum(D::Minus1)?.gt(0.0)?.to_dtype(a.dtype())?;
    let n = has.sum_all()?.maximum(1.0)?;
    ((cosine.affine(-1.0, 1.0)? * has)?.sum_all()?) / n
}
