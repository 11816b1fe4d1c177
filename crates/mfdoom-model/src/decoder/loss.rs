//! What a decoder minimises. Whatever was not observed takes no part: it is never a zero.

use candle_core::{D, Result, Tensor};
use mfdoom_nn::{Counts, negative_binomial};

use super::config::{DecoderConfig, DecoderLoss};

/// Values that were observed, as tensors.
#[derive(Clone, Debug)]
pub struct Values {
    /// `[cells, outputs]`, anything finite where not observed.
    pub values: Tensor,
    /// 1 where observed, else 0, `[cells, outputs]`.
    pub observed: Tensor,
}

/// Counts that were observed.
#[derive(Clone, Debug)]
pub struct ObservedCounts {
    /// Counts and whether they were observed, `[cells, outputs]` row by row.
    pub counts: Counts,
    /// Library size by cell and target, `[cells, targets]`.
    pub library: Vec<f32>,
}

/// What the outputs should be.
#[derive(Clone, Debug)]
pub enum Target {
    /// Real values, in the units of the target.
    Values(Values),
    /// Counts.
    Counts(ObservedCounts),
    /// The number of each cell's label.
    Labels(Vec<u32>),
}

/// A loss and its terms.
#[derive(Clone, Debug)]
pub struct Losses {
    /// What is minimised, a scalar.
    pub total: Tensor,
    /// Scalars by name.
    pub terms: Vec<(&'static str, Tensor)>,
}

/// Squared error or Huber's loss per observed value, in standard deviations, plus the weighted distance of
/// directions: one minus the cosine of a cell's observed values, in their own units.
pub(super) fn of_values(
    config: &DecoderConfig,
    outputs: &Tensor,
    (mean, scale): (&Tensor, &Tensor),
    target: &Values,
) -> Result<Losses> {
    let Values { values, observed } = target;
    let n = observed.sum_all()?.maximum(1.0)?;
    let wanted = values.broadcast_sub(mean)?.broadcast_div(scale)?;
    let off = ((outputs - &wanted)? * observed)?;
    let (name, error) = match config.loss {
        DecoderLoss::Huber => ("huber", huber(&off)?),
        _ => ("mse", off.sqr()?),
    };
    let error = error.sum_all()?.div(&n)?;
    let mut terms = vec![(name, error.clone())];
    let mut total = error;
    if config.cosine > 0.0 {
        let predicted = (outputs.broadcast_mul(scale)?.broadcast_add(mean)? * observed)?;
        let distance = direction(&predicted, &(values * observed)?)?;
        total = (total + (&distance * config.cosine)?)?;
        terms.push(("cosine", distance));
    }
    Ok(Losses { total, terms })
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

/// Negative log-likelihood per observed count. The mean is softmax over the observed genes of a target times
/// the library size.
pub(super) fn of_counts(
    config: &DecoderConfig,
    outputs: &Tensor,
    (log_dispersion, gate): (&Tensor, Option<&Tensor>),
    target: &ObservedCounts,
) -> Result<Losses> {
    let log_mean = log_mean(config, outputs, target)?;
    let n = target.counts.observed.iter().filter(|seen| **seen).count().max(1);
    let loss = negative_binomial(&log_mean, log_dispersion, gate, &target.counts)?;
    let total = (loss.sum_all()? / n as f64)?;
    Ok(Losses { terms: vec![("likelihood", total.clone())], total })
}

/// Returns `ln(library size x softmax)`, `[cells, outputs]`, where the softmax runs over the observed genes of
/// each target.
pub(super) fn log_mean(config: &DecoderConfig, outputs: &Tensor, target: &ObservedCounts) -> Result<Tensor> {
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

/// Cross-entropy, and the share of cells whose label has the largest output.
pub(super) fn of_labels(outputs: &Tensor, labels: &[u32]) -> Result<Losses> {
    let (cells, _) = outputs.dims2()?;
    let labels = Tensor::from_slice(labels, (cells, 1), outputs.device())?;
    let total = log_softmax(outputs)?.gather(&labels, 1)?.mean_all()?.neg()?;
    Ok(Losses { terms: vec![("cross_entropy", total.clone())], total })
}

/// Logarithm of the softmax over the last dimension.
pub(crate) fn log_softmax(x: &Tensor) -> Result<Tensor> {
    let shifted = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?;
    let sum = shifted.exp()?.sum_keepdim(D::Minus1)?.log()?;
    shifted.broadcast_sub(&sum)
}
