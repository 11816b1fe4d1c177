//! The negative binomial likelihood of counts, also zero-inflated, fused with its gradient.
//!
//! Parametrised by mean m and inverse dispersion t, so that the variance is m + m^2 / t:
//!
//! ```text
//! ln NB(x) = ln G(x + t) - ln G(t) - ln G(x + 1) + t ln(t / (t + m)) + x ln(m / (t + m))
//! ```
//!
//! Zero inflation adds zeros with probability p = 1 / (1 + e^-g), where g is the gate:
//! `ln P(0) = ln(p + (1 - p) NB(0))` and `ln P(x) = ln(1 - p) + ln NB(x)` for x > 0.

use std::sync::Arc;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Device, Layout, Result, Shape, Tensor, WithDType, bail};

use crate::buffer::{Pieces, fill_rows, fill_rows_with};
use crate::composed;
use crate::gamma::{digamma, ln_gamma};
use crate::host::{Host, by_dtype, expect_shape, slice, to_storage};
use crate::math::Real;

/// Counts, and which of them were observed; row by row.
#[derive(Clone, Debug)]
pub struct MaskedCounts {
    /// The counts, whole and not negative.
    pub values: Arc<[f32]>,
    /// Which of them count; the others have likelihood 1.
    pub observed: Arc<[bool]>,
}

/// Returns the negative log-likelihood of each count, 0 where it was not observed.
///
/// # Shapes
/// log_mean `[n, g]`, log_dispersion (ln t) `[g]`, gate `[n, g]`, counts `n * g` -> `[n, g]`
///
/// # Errors
/// Shapes that do not fit each other.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use mfdoom_nn::{MaskedCounts, negative_binomial};
/// let log_mean = Tensor::new(&[[2f64.ln(), 0.0]], &Device::Cpu)?;
/// let log_dispersion = Tensor::new(&[0f64, 0.0], &Device::Cpu)?;
/// let counts = MaskedCounts { values: vec![1.0, 7.0].into(), observed: vec![true, false].into() };
/// let loss = negative_binomial(&log_mean, &log_dispersion, None, &counts)?.to_vec2::<f64>()?;
/// assert!((loss[0][0] + (2f64 / 9.0).ln()).abs() < 1e-12); // geometric with mean 2: P(1) = 2/9
/// assert_eq!(loss[0][1], 0.0);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn negative_binomial(
    log_mean: &Tensor,
    log_dispersion: &Tensor,
    gate: Option<&Tensor>,
    counts: &MaskedCounts,
) -> Result<Tensor> {
    let (n, width) = log_mean.dims2()?;
    expect_shape("the dispersion of a negative binomial", log_dispersion, &[width])?;
    if counts.values.len() != n * width || counts.observed.len() != n * width {
        bail!("{} counts for [{n}, {width}] means", counts.values.len());
    }
    if let Some(gate) = gate {
        expect_shape("the gate of a negative binomial", gate, &[n, width])?;
    }
    if !log_mean.device().is_cpu() {
        return composed::negative_binomial(log_mean, log_dispersion, gate, counts);
    }
    let op = Likelihood { counts: counts.clone() };
    let (log_mean, log_dispersion) = (log_mean.contiguous()?, log_dispersion.contiguous()?);
    match gate {
        None => log_mean.apply_op2(&log_dispersion, op),
        Some(gate) => log_mean.apply_op3(&log_dispersion, &gate.contiguous()?, op),
    }
}

struct Likelihood {
    counts: MaskedCounts,
}

impl CustomOp2 for Likelihood {
    fn name(&self) -> &'static str {
        "negative-binomial"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let y = by_dtype!(s1.dtype(), T => {
            to_storage(self.forward(slice::<T>(s1, l1)?, slice::<T>(s2, l2)?, None))
        });
        Ok((y, l1.shape().clone()))
    }

    fn bwd(
        &self,
        log_mean: &Tensor,
        log_dispersion: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (mean, dispersion, _) = self.gradients(log_mean, log_dispersion, None, grad)?;
        Ok((Some(mean), Some(dispersion)))
    }
}

impl CustomOp3 for Likelihood {
    fn name(&self) -> &'static str {
        "zero-inflated-negative-binomial"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let y = by_dtype!(s1.dtype(), T => {
            let gate = slice::<T>(s3, l3)?;
            to_storage(self.forward(slice::<T>(s1, l1)?, slice::<T>(s2, l2)?, Some(gate)))
        });
        Ok((y, l1.shape().clone()))
    }

    fn bwd(
        &self,
        log_mean: &Tensor,
        log_dispersion: &Tensor,
        gate: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (mean, dispersion, gate) = self.gradients(log_mean, log_dispersion, Some(gate), grad)?;
        Ok((Some(mean), Some(dispersion), gate))
    }
}

impl Likelihood {
    fn forward<T: Real>(&self, log_mean: &[T], log_dispersion: &[T], gate: Option<&[T]>) -> Vec<T> {
        let (genes, width) = (prepare(log_dispersion), log_dispersion.len());
        fill_rows(Pieces::reading(log_mean.len() / width.max(1), width, 4 * width), |first, out| {
            for (i, out) in out.iter_mut().enumerate() {
                let at = first * width + i;
                let point = self.point(at, log_mean, gate, &genes);
                *out = narrow::<T>(point.map_or(0.0, |point| point.loss()));
            }
        })
    }

    fn gradients(
        &self,
        log_mean: &Tensor,
        log_dispersion: &Tensor,
        gate: Option<&Tensor>,
        grad: &Tensor,
    ) -> Result<(Tensor, Tensor, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let hosts = [log_mean, log_dispersion, &grad].map(Host::of);
        let gate_host = gate.map(Host::of);
        by_dtype!(log_mean.dtype(), T => {
            let (mean, dispersion, grad) =
                (hosts[0].slice::<T>()?, hosts[1].slice::<T>()?, hosts[2].slice::<T>()?);
            let gate = gate_host.as_ref().map(Host::slice::<T>).transpose()?;
            let (genes, width) = (prepare(dispersion), dispersion.len());
            let rows = Pieces::reading(mean.len() / width.max(1), width, 4 * width);
            let (d_mean, d_dispersion) = fill_rows_with(rows, width, |first, out, sums| {
                for (i, out) in out.iter_mut().enumerate() {
                    let at = first * width + i;
                    let point = self.point(at, mean, gate, &genes);
                    let (by_mean, by_dispersion, _) = point.map_or((0.0, 0.0, 0.0), |p| p.gradient());
                    *out = narrow::<T>(by_mean) * grad[at];
                    sums[at % width] += narrow::<T>(by_dispersion) * grad[at];
                }
            });
            let d_gate = gate.map(|gate| fill_rows(rows, |first, out| {
                for (i, out) in out.iter_mut().enumerate() {
                    let at = first * width + i;
                    let point = self.point(at, mean, Some(gate), &genes);
                    *out = narrow::<T>(point.map_or(0.0, |p| p.gradient().2)) * grad[at];
                }
            }));
            let shape = log_mean.shape();
            let d_gate = d_gate.map(|values| Tensor::from_vec(values, shape, &Device::Cpu)).transpose()?;
            Ok((
                Tensor::from_vec(d_mean, shape, &Device::Cpu)?,
                Tensor::from_vec(d_dispersion, width, &Device::Cpu)?,
                d_gate,
            ))
        })
    }

    fn point<'a, T: Real>(
        &self,
        at: usize,
        log_mean: &[T],
        gate: Option<&[T]>,
        genes: &'a [Gene],
    ) -> Option<Point<'a>> {
        self.counts.observed[at].then(|| Point {
            count: f64::from(self.counts.values[at]),
            log_mean: wide(log_mean[at]),
            gate: gate.map(|gate| wide(gate[at])),
            gene: &genes[at % genes.len()],
        })
    }
}

/// What depends on the inverse dispersion alone.
struct Gene {
    log_dispersion: f64,
    dispersion: f64,
}

fn prepare<T: Real>(log_dispersion: &[T]) -> Vec<Gene> {
    let gene = |t: &T| Gene { log_dispersion: wide(*t), dispersion: wide(*t).exp() };
    log_dispersion.iter().map(gene).collect()
}

fn wide<T: Real>(x: T) -> f64 {
    WithDType::to_f64(x)
}

fn narrow<T: Real>(x: f64) -> T {
    <T as WithDType>::from_f64(x)
}

/// Counts up to this are summed factor by factor: exact, and quicker than two gamma functions.
const FEW: f64 = 24.0;

/// One count with its distribution.
struct Point<'a> {
    count: f64,
    log_mean: f64,
    gate: Option<f64>,
    gene: &'a Gene,
}

impl Point<'_> {
    /// ln(t + m), without overflow.
    fn log_total(&self) -> f64 {
        let (a, b) = (self.log_mean, self.gene.log_dispersion);
        a.max(b) + (-(a - b).abs()).exp().ln_1p()
    }

    fn loss(&self) -> f64 {
        let (t, total) = (self.gene.dispersion, self.log_total());
        let at_zero = t * (self.gene.log_dispersion - total);
        let rising = match self.count <= FEW {
            true => (0..self.count as u32).map(|i| (t + f64::from(i)).ln()).sum(),
            false => ln_gamma(self.count + t) - ln_gamma(t),
        };
        let log_nb = rising - ln_gamma(self.count + 1.0) + at_zero + self.count * (self.log_mean - total);
        match self.gate {
            None => -log_nb,
            Some(gate) if self.count == 0.0 => softplus(gate) - gate - softplus(log_nb - gate),
            Some(gate) => softplus(gate) - log_nb,
        }
    }

    /// Derivatives of the loss by log mean, log dispersion and gate.
    fn gradient(&self) -> (f64, f64, f64) {
        let (t, mean, x) = (self.gene.dispersion, self.log_mean.exp(), self.count);
        let share = 1.0 / (t + mean);
        let log_share = self.gene.log_dispersion - self.log_total();
        let rising = match x <= FEW {
            true => (0..x as u32).map(|i| 1.0 / (t + f64::from(i))).sum(),
            false => digamma(x + t) - digamma(t),
        };
        let by_mean = t * (x - mean) * share;
        let by_dispersion = t * (rising + log_share + (mean - x) * share);
        match self.gate {
            None => (-by_mean, -by_dispersion, 0.0),
            Some(gate) if x == 0.0 => {
                let real = sigmoid(t * log_share - gate); // how likely this zero is one of the NB
                (-by_mean * real, -by_dispersion * real, sigmoid(gate) - 1.0 + real)
            }
            Some(gate) => (-by_mean, -by_dispersion, sigmoid(gate)),
        }
    }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
