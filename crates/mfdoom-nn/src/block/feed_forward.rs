//! The feed-forward layer: norm, linear, GEGLU, linear, residual.

use std::sync::OnceLock;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, WithDType, bail};
use rayon::prelude::*;

use super::bundle::Bundle;
use crate::buffer::{Shared, rows_per_task, scratch, sum_partials, unfilled};
use crate::geglu::{geglu_rows, geglu_rows_backward};
use crate::host::{Host, by_dtype, expect_shape, rows_and_width, slice, to_storage, wants_grad};
use crate::layer_norm::{norm_rows, norm_rows_backward};
use crate::math::Real;
use crate::matrix::{Target, View, Workers, product};
use crate::{geglu, layer_norm, linear};

/// Rows whose activations the backward holds at once.
const SPAN: usize = 2048;

/// `x + geglu(norm(x) proj_in^T) proj_out^T`. The fields are the parameters.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let row = |v: &[f32]| Tensor::new(v, &Device::Cpu);
/// let block = mfdoom_nn::FeedForwardBlock {
///     norm: row(&[1.0, 1.0])?,
///     proj_in: Tensor::new(&[[1f32, 0.0], [0.0, 1.0]], &Device::Cpu)?, // value, gate
///     proj_out: Tensor::new(&[[1f32], [2.0]], &Device::Cpu)?,
///     eps: 1e-5,
/// };
/// // norm(1, 3) = (-1, 1); geglu = -1 * gelu(1) = -0.8413
/// let y = block.forward(&Tensor::new(&[[1f32, 3.0]], &Device::Cpu)?)?.to_vec2::<f32>()?;
/// assert!((y[0][0] - (1.0 - 0.8413)).abs() < 1e-3 && (y[0][1] - (3.0 - 2.0 * 0.8413)).abs() < 1e-3);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FeedForwardBlock {
    /// Gain of the norm, `[d]`
    pub norm: Tensor,
    /// `[2 f, d]` = `[value; gate]`
    pub proj_in: Tensor,
    /// `[d, f]`
    pub proj_out: Tensor,
    /// Added to the variance of the norm.
    pub eps: f64,
}

impl FeedForwardBlock {
    /// Passes every row through the layer.
    ///
    /// # Shapes
    /// x `[.., d]` -> `[.., d]`
    ///
    /// # Errors
    /// Parameters that do not fit each other or x.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (_, width) = rows_and_width(x)?;
        let (wide, _) = self.proj_in.dims2()?;
        expect_shape("the norm of a feed-forward layer", &self.norm, &[width])?;
        expect_shape("proj_in", &self.proj_in, &[wide, width])?;
        expect_shape("proj_out", &self.proj_out, &[width, wide / 2])?;
        if wide % 2 == 1 {
            bail!("proj_in needs an even number of rows [value; gate], got {wide}");
        }
        if !x.device().is_cpu() || cfg!(any(feature = "mkl", feature = "accelerate")) {
            let hidden = linear(&layer_norm(x, &self.norm, None, self.eps)?, &self.proj_in, None)?; // [.., 2 f]
            return x + linear(&geglu(&hidden)?, &self.proj_out, None)?;
        }
        let (x, norm) = (x.contiguous()?, self.norm.contiguous()?);
        let weights = [&self.proj_in.contiguous()?, &self.proj_out.contiguous()?];
        let keep = [&x, &norm, weights[0], weights[1]].into_iter().any(wants_grad);
        let (bundle, handle) = Bundle::<2>::of(weights)?;
        x.apply_op3(&norm, &handle, FeedForward { bundle, eps: self.eps, keep, hidden: OnceLock::new() })
    }
}

struct FeedForward {
    bundle: Bundle<2>,
    eps: f64,
    /// Whether a backward can follow.
    keep: bool,
    /// `[rows, 2 f]` before the activation.
    hidden: OnceLock<CpuStorage>,
}

impl CustomOp3 for FeedForward {
    fn name(&self) -> &'static str {
        "feed-forward-block"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let hosts = self.bundle.weights.each_ref().map(Host::of);
        by_dtype!(s1.dtype(), T => {
            let layer = Weights {
                gain: slice::<T>(s2, l2)?,
                proj_in: hosts[0].slice()?,
                proj_out: hosts[1].slice()?,
                eps: <T as WithDType>::from_f64(self.eps),
            };
            let (y, hidden) = layer.forward(slice::<T>(s1, l1)?, self.keep);
            let _ = self.hidden.set(to_storage(hidden));
            Ok((to_storage(y), l1.shape().clone()))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        norm: &Tensor,
        handle: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let Some(hidden) = self.hidden.get() else { bail!("the backward of a layer ran before its forward") };
        let hosts = [x, norm, &grad, &self.bundle.weights[0], &self.bundle.weights[1]].map(Host::of);
        by_dtype!(x.dtype(), T => {
            let layer = Weights {
                gain: hosts[1].slice::<T>()?,
                proj_in: hosts[3].slice()?,
                proj_out: hosts[4].slice()?,
                eps: <T as WithDType>::from_f64(self.eps),
            };
            let grads = layer.backward(hosts[0].slice()?, hidden.as_slice()?, hosts[2].slice()?);
            let tensor = |data: Vec<T>, like: &Tensor| Tensor::from_vec(data, like.shape(), &Device::Cpu);
            let [proj_in, proj_out] = &self.bundle.weights;
            let weights = [Some(tensor(grads.proj_in, proj_in)?), Some(tensor(grads.proj_out, proj_out)?)];
            let handle = self.bundle.leave(weights, handle)?;
            Ok((Some(tensor(grads.x, x)?), Some(tensor(grads.gain, norm)?), Some(handle)))
        })
    }
}

struct Weights<'a, T> {
    gain: &'a [T],
    proj_in: &'a [T],
    proj_out: &'a [T],
    eps: T,
}

struct Grads<T> {
    x: Vec<T>,
    gain: Vec<T>,
    proj_in: Vec<T>,
    proj_out: Vec<T>,
}

impl<T: Real> Weights<'_, T> {
    /// Returns the width d of the rows and the width f of the activation.
    fn widths(&self) -> (usize, usize) {
        (self.gain.len(), self.proj_out.len() / self.gain.len().max(1))
    }

    /// Returns the output and, where a backward needs it, what goes into the activation.
    fn forward(&self, x: &[T], keep: bool) -> (Vec<T>, Vec<T>) {
        let (d, f) = self.widths();
        let per_task = rows_per_task(x.len() / d.max(1));
        let kept = if keep { x.len() / d.max(1) * 2 * f } else { 0 };
        // SAFETY: the tasks below cover all rows and write their output and hidden rows before reading them.
        let (mut y, mut hidden) = unsafe { (unfilled::<T>(x.len()), unfilled::<T>(kept)) };
        let place = Shared::of_slice(&mut hidden);
        let tasks =
            y.par_chunks_mut((per_task * d).max(1)).zip(x.par_chunks((per_task * d).max(1))).enumerate();
        tasks.for_each_init(<[Vec<T>; 3]>::default, |[normed, wide, active], (task, (y, x))| {
            let rows = x.len() / d;
            let wide = if keep {
                // SAFETY: each task has its own rows of `hidden`, which outlives the loop.
                unsafe { place.row(task * per_task * 2 * f, rows * 2 * f) }
            } else {
                scratch(wide, rows * 2 * f)
            };
            let (normed, active) = (scratch(normed, rows * d), scratch(active, rows * f));
            norm_rows(x, self.gain, None, self.eps, normed);
            let proj_in = View::new(self.proj_in, 2 * f, d, d).transposed();
            product(Target::over(wide, 2 * f), View::new(normed, rows, d, d), proj_in, Workers::Here);
            geglu_rows(wide, f, active);
            y.copy_from_slice(x);
            let proj_out = View::new(self.proj_out, d, f, f).transposed();
            product(Target::onto(y, d), View::new(active, rows, f, f), proj_out, Workers::Here);
        });
        (y, hidden)
    }

    fn backward(&self, x: &[T], hidden: &[T], grad: &[T]) -> Grads<T> {
        let (d, f) = self.widths();
        let rows = x.len() / d.max(1);
        let per_task = rows_per_task(rows);
        let span = SPAN / per_task * per_task;
        let held = span.min(rows);
        // SAFETY: `span_backward` writes every row of its part of these buffers before the products read them.
        let mut dx = unsafe { unfilled::<T>(x.len()) };
        let mut buffers = unsafe { [unfilled(held * d), unfilled(held * f), unfilled(held * 2 * f)] };
        let mut grads = Grads {
            x: Vec::new(),
            gain: Vec::new(),
            proj_in: vec![T::zero(); self.proj_in.len()],
            proj_out: vec![T::zero(); self.proj_out.len()],
        };
        let mut partials = vec![T::zero(); rows.div_ceil(per_task) * 2 * d];
        for start in (0..rows).step_by(span) {
            let n = span.min(rows - start);
            let part = Part {
                x: &x[start * d..][..n * d],
                grad: &grad[start * d..][..n * d],
                hidden: &hidden[start * 2 * f..][..n * 2 * f],
            };
            let sums = &mut partials[start / per_task * 2 * d..];
            self.span_backward(&part, &mut dx[start * d..][..n * d], &mut buffers, (per_task, sums));
            let [normed, active, wide] = &buffers;
            let rows_of = |data, width| View::new(data, n, width, width);
            let grad = rows_of(part.grad, d).transposed();
            product(Target::onto(&mut grads.proj_out, f), grad, rows_of(active, f), Workers::Pool);
            let wide = rows_of(wide, 2 * f).transposed();
            product(Target::onto(&mut grads.proj_in, d), wide, rows_of(normed, d), Workers::Pool);
        }
        grads.gain = sum_partials(partials, 2 * d);
        grads.gain.truncate(d);
        grads.x = dx;
        grads
    }

    /// Writes the gradient of a span of rows, and `[norm(x), activation, gradient before it]` into the buffers.
    fn span_backward(
        &self,
        part: &Part<'_, T>,
        dx: &mut [T],
        buffers: &mut [Vec<T>; 3],
        (per_task, sums): (usize, &mut [T]),
    ) {
        let (d, f) = self.widths();
        let [normed, active, wide] = buffers;
        let outputs = dx.par_chunks_mut(per_task * d).zip(normed.par_chunks_mut(per_task * d));
        let outputs =
            outputs.zip(active.par_chunks_mut(per_task * f)).zip(wide.par_chunks_mut(per_task * 2 * f));
        let inputs = part.x.par_chunks(per_task * d).zip(part.grad.par_chunks(per_task * d));
        let inputs = inputs.zip(part.hidden.par_chunks(per_task * 2 * f));
        let tasks = outputs.zip(inputs).zip(sums.par_chunks_mut(2 * d));
        tasks.for_each_init(<[Vec<T>; 2]>::default, |[d_active, d_normed], (both, sums)| {
            let ((((dx, normed), active), wide), ((x, grad), hidden)) = both;
            let rows = dx.len() / d;
            let (d_active, d_normed) = (scratch(d_active, rows * f), scratch(d_normed, rows * d));
            let wide = &mut wide[..rows * 2 * f];
            let proj_out = View::new(self.proj_out, d, f, f);
            product(Target::over(d_active, f), View::new(grad, rows, d, d), proj_out, Workers::Here);
            geglu_rows_backward(hidden, d_active, f, wide, Some(&mut active[..rows * f]));
            let proj_in = View::new(self.proj_in, 2 * f, d, d);
            product(Target::over(d_normed, d), View::new(wide, rows, 2 * f, 2 * f), proj_in, Workers::Here);
            norm_rows(x, self.gain, None, self.eps, &mut normed[..rows * d]);
            norm_rows_backward([x, d_normed, self.gain], self.eps, dx, sums);
            add(dx, grad);
        });
    }
}

/// A span of rows.
struct Part<'a, T> {
    x: &'a [T],
    grad: &'a [T],
    hidden: &'a [T],
}

pub(super) fn add<T: Real>(to: &mut [T], from: &[T]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to += from;
    }
}
