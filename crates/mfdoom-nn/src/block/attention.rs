//! The attention layer: norm, projections, attention by a plan, projection, residual.

use std::sync::{Arc, OnceLock};

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, Device, Layout, Result, Shape, Tensor, WithDType, bail};
use rayon::prelude::*;

use super::bundle::Bundle;
use super::feed_forward::add;
use crate::attention::{AttentionPlan, Heads, Input};
use crate::buffer::{rows_per_task, scratch, sum_partials, unfilled};
use crate::host::{Host, by_dtype, expect_shape, slice, to_storage, wants_grad};
use crate::layer_norm::{norm_rows, norm_rows_backward};
use crate::math::Real;
use crate::matrix::{Target, View, Workers, product};
use crate::{attention, layer_norm, linear};

/// `x + attention(norm(x) to_q^T, norm(x) to_kv^T) to_out^T`. The fields are the parameters.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use mfdoom_nn::{AttentionBlock, AttentionPlan, Group, Segment};
/// let block = AttentionBlock {
///     norm: Tensor::new(&[2f32, 2.0], &Device::Cpu)?,
///     to_q: Tensor::new(&[[0f32, 0.0]], &Device::Cpu)?, // all keys weigh the same
///     to_kv: Tensor::new(&[[1f32, 0.0], [0.0, 1.0]], &Device::Cpu)?, // [k; v]
///     to_out: Tensor::new(&[[1f32], [10.0]], &Device::Cpu)?,
///     heads: 1,
///     eps: 1e-5,
/// };
/// let groups = vec![Group { segments: vec![Segment { queries: 0..1, keys: vec![0..2] }] }];
/// let plan = AttentionPlan::new(groups, 2, 2)?;
/// // the values are 2 * norm(x)[1]: 2 and -2, their mean is 0; the second row reads nothing
/// let x = Tensor::new(&[[1f32, 3.0], [3.0, 1.0]], &Device::Cpu)?;
/// let y = block.forward(&x, &plan.into())?;
/// assert_eq!(y.to_vec2::<f32>()?, x.to_vec2::<f32>()?);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AttentionBlock {
    /// Gain of the norm, `[d]`
    pub norm: Tensor,
    /// `[heads dh, d]`
    pub to_q: Tensor,
    /// `[2 heads dh, d]` = `[k; v]`
    pub to_kv: Tensor,
    /// `[d, heads dh]`
    pub to_out: Tensor,
    /// Number of heads.
    pub heads: usize,
    /// Added to the variance of the norm.
    pub eps: f64,
}

impl AttentionBlock {
    /// Lets the rows read each other as the plan says; its queries and keys are the rows of x.
    ///
    /// # Shapes
    /// x `[n, d]` -> `[n, d]`
    ///
    /// # Errors
    /// Parameters or a plan that do not fit x.
    pub fn forward(&self, x: &Tensor, plan: &Arc<AttentionPlan>) -> Result<Tensor> {
        let (rows, width) = x.dims2()?;
        let (inner, _) = self.to_q.dims2()?;
        expect_shape("the norm of an attention layer", &self.norm, &[width])?;
        expect_shape("to_q", &self.to_q, &[inner, width])?;
        expect_shape("to_kv", &self.to_kv, &[2 * inner, width])?;
        expect_shape("to_out", &self.to_out, &[width, inner])?;
        if self.heads == 0 || inner % self.heads != 0 || inner == 0 {
            bail!("to_q gives {inner} numbers, which {} heads cannot share", self.heads);
        }
        if (rows, rows) != (plan.n_queries(), plan.n_keys()) {
            bail!("a plan for {} queries and {} keys was given {rows} rows", plan.n_queries(), plan.n_keys());
        }
        if !x.device().is_cpu() || cfg!(any(feature = "mkl", feature = "accelerate")) {
            let normed = layer_norm(x, &self.norm, None, self.eps)?;
            let (q, kv) = (linear(&normed, &self.to_q, None)?, linear(&normed, &self.to_kv, None)?);
            return x + linear(&attention(&q, &kv, self.heads, plan)?, &self.to_out, None)?;
        }
        let (x, norm) = (x.contiguous()?, self.norm.contiguous()?);
        let weights = [&self.to_q.contiguous()?, &self.to_kv.contiguous()?, &self.to_out.contiguous()?];
        let keep = [&x, &norm].into_iter().chain(weights).any(wants_grad);
        let (bundle, handle) = Bundle::<3>::of(weights)?;
        let op = Layer {
            bundle,
            plan: plan.clone(),
            heads: self.heads,
            eps: self.eps,
            keep,
            saved: OnceLock::new(),
        };
        x.apply_op3(&norm, &handle, op)
    }
}

struct Layer {
    bundle: Bundle<3>,
    plan: Arc<AttentionPlan>,
    heads: usize,
    eps: f64,
    /// Whether a backward can follow.
    keep: bool,
    /// q, kv, what the attention returned, and its log-sum-exp.
    saved: OnceLock<[CpuStorage; 4]>,
}

impl CustomOp3 for Layer {
    fn name(&self) -> &'static str {
        "attention-block"
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
                to_q: hosts[0].slice()?,
                to_kv: hosts[1].slice()?,
                to_out: hosts[2].slice()?,
                eps: <T as WithDType>::from_f64(self.eps),
            };
            let (y, saved) = layer.forward(slice::<T>(s1, l1)?, &self.plan, self.heads);
            if self.keep {
                let _ = self.saved.set(saved.map(to_storage));
            }
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
        let Some(saved) = self.saved.get() else { bail!("the backward of a layer ran before its forward") };
        let [to_q, to_kv, to_out] = &self.bundle.weights;
        let hosts = [x, norm, &grad, to_q, to_kv, to_out].map(Host::of);
        by_dtype!(x.dtype(), T => {
            let layer = Weights {
                gain: hosts[1].slice::<T>()?,
                to_q: hosts[3].slice()?,
                to_kv: hosts[4].slice()?,
                to_out: hosts[5].slice()?,
                eps: <T as WithDType>::from_f64(self.eps),
            };
            let saved = [saved[0].as_slice()?, saved[1].as_slice()?, saved[2].as_slice()?, saved[3].as_slice()?];
            let read = layer.backward_read(hosts[2].slice()?, saved, (&self.plan, self.heads));
            let grads = layer.backward(hosts[0].slice()?, hosts[2].slice()?, &read);
            let tensor = |data: Vec<T>, like: &Tensor| Tensor::from_vec(data, like.shape(), &Device::Cpu);
            let [d_q, d_kv] = grads.weights;
            let weights = [tensor(d_q, to_q)?, tensor(d_kv, to_kv)?, tensor(read.to_out, to_out)?];
            let handle = self.bundle.leave(weights.map(Some), handle)?;
            Ok((Some(tensor(grads.x, x)?), Some(tensor(grads.gain, norm)?), Some(handle)))
        })
    }
}

struct Weights<'a, T> {
    gain: &'a [T],
    to_q: &'a [T],
    to_kv: &'a [T],
    to_out: &'a [T],
    eps: T,
}

/// Gradients behind the projections.
struct Read<T> {
    q: Vec<T>,
    kv: Vec<T>,
    to_out: Vec<T>,
}

struct Grads<T> {
    x: Vec<T>,
    gain: Vec<T>,
    weights: [Vec<T>; 2],
}

impl<T: Real> Weights<'_, T> {
    /// Returns the width d of the rows and the width of all heads together.
    fn widths(&self) -> (usize, usize) {
        (self.gain.len(), self.to_q.len() / self.gain.len().max(1))
    }

    /// Returns the output and `[q, kv, attention, log-sum-exp]`.
    fn forward(&self, x: &[T], plan: &AttentionPlan, heads: usize) -> (Vec<T>, [Vec<T>; 4]) {
        let (d, inner) = self.widths();
        let rows = x.len() / d.max(1);
        let per_task = rows_per_task(rows);
        // SAFETY: the tasks below cover all rows of these buffers and write before anything reads.
        let [mut q, mut kv, mut y] =
            unsafe { [unfilled::<T>(rows * inner), unfilled(2 * rows * inner), unfilled(rows * d)] };
        let outputs = q.par_chunks_mut(per_task * inner).zip(kv.par_chunks_mut(2 * per_task * inner));
        outputs.zip(x.par_chunks((per_task * d).max(1))).for_each_init(Vec::new, |normed, ((q, kv), x)| {
            let n = x.len() / d;
            let normed = scratch(normed, n * d);
            norm_rows(x, self.gain, None, self.eps, normed);
            let normed = View::new(normed, n, d, d);
            product(
                Target::over(q, inner),
                normed,
                View::new(self.to_q, inner, d, d).transposed(),
                Workers::Here,
            );
            let to_kv = View::new(self.to_kv, 2 * inner, d, d).transposed();
            product(Target::over(kv, 2 * inner), normed, to_kv, Workers::Here);
        });
        let (read, lse) = attention::forward(plan, Heads::of(heads, inner), &q, &kv);
        let outputs = y.par_chunks_mut((per_task * d).max(1)).zip(x.par_chunks((per_task * d).max(1)));
        outputs.zip(read.par_chunks(per_task * inner)).for_each(|((y, x), read)| {
            y.copy_from_slice(x);
            let read = View::new(read, x.len() / d, inner, inner);
            product(
                Target::onto(y, d),
                read,
                View::new(self.to_out, d, inner, inner).transposed(),
                Workers::Here,
            );
        });
        (y, [q, kv, read, lse])
    }

    /// The last projection and the attention, backwards.
    fn backward_read(
        &self,
        grad: &[T],
        [q, kv, read, lse]: [&[T]; 4],
        (plan, heads): (&AttentionPlan, usize),
    ) -> Read<T> {
        let (d, inner) = self.widths();
        let rows = grad.len() / d.max(1);
        let per_task = rows_per_task(rows);
        // SAFETY: the tasks below write all rows.
        let mut d_read = unsafe { unfilled::<T>(rows * inner) };
        let tasks = d_read.par_chunks_mut(per_task * inner).zip(grad.par_chunks((per_task * d).max(1)));
        tasks.for_each(|(d_read, grad)| {
            let grad = View::new(grad, grad.len() / d, d, d);
            product(
                Target::over(d_read, inner),
                grad,
                View::new(self.to_out, d, inner, inner),
                Workers::Here,
            );
        });
        let mut to_out = vec![T::zero(); self.to_out.len()];
        let all = View::new(grad, rows, d, d).transposed();
        product(Target::over(&mut to_out, inner), all, View::new(read, rows, inner, inner), Workers::Pool);
        let input = Input { q, kv, out: read, grad: &d_read, lse };
        let (q, kv) = attention::backward(plan, Heads::of(heads, inner), &input);
        Read { q, kv, to_out }
    }

    /// The first projections and the norm, backwards.
    fn backward(&self, x: &[T], grad: &[T], read: &Read<T>) -> Grads<T> {
        let (d, inner) = self.widths();
        let rows = x.len() / d.max(1);
        let per_task = rows_per_task(rows);
        // SAFETY: the tasks below write all rows of both buffers.
        let [mut dx, mut normed] = unsafe { [unfilled::<T>(x.len()), unfilled::<T>(x.len())] };
        let mut partials = vec![T::zero(); rows.div_ceil(per_task) * 2 * d];
        let step = (per_task * d).max(1);
        let outputs = dx
            .par_chunks_mut(step)
            .zip(normed.par_chunks_mut(step))
            .zip(partials.par_chunks_mut((2 * d).max(1)));
        let inputs = x.par_chunks(step).zip(grad.par_chunks(step));
        let inputs =
            inputs.zip(read.q.par_chunks(per_task * inner).zip(read.kv.par_chunks(2 * per_task * inner)));
        outputs.zip(inputs).for_each_init(
            Vec::new,
            |d_normed, (((dx, normed), sums), ((x, grad), (q, kv)))| {
                let n = x.len() / d;
                let d_normed = scratch(d_normed, n * d);
                let q = View::new(q, n, inner, inner);
                product(Target::over(d_normed, d), q, View::new(self.to_q, inner, d, d), Workers::Here);
                let kv = View::new(kv, n, 2 * inner, 2 * inner);
                product(Target::onto(d_normed, d), kv, View::new(self.to_kv, 2 * inner, d, d), Workers::Here);
                norm_rows(x, self.gain, None, self.eps, normed);
                norm_rows_backward([x, d_normed, self.gain], self.eps, dx, sums);
                add(dx, grad);
            },
        );
        let weight = |grad: &[T], width: usize| {
            let mut weight = vec![T::zero(); width * d];
            let grad = View::new(grad, rows, width, width).transposed();
            product(Target::over(&mut weight, d), grad, View::new(&normed, rows, d, d), Workers::Pool);
            weight
        };
        let weights = [weight(&read.q, inner), weight(&read.kv, 2 * inner)];
        let mut gain = sum_partials(partials, 2 * d);
        gain.truncate(d);
        Grads { x: dx, gain, weights }
    }
}
