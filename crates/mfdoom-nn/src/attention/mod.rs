//! Attention over packed rows: a plan says which query rows read which key ranges, no mask is ever built.
//!
//! The forward is the online softmax over blocks of keys; the backward computes the probabilities again, block
//! by block, from the saved log-sum-exp of each query row. So memory grows with the rows, not with their pairs.

mod backward;
mod block;
mod forward;
mod plan;

use std::sync::{Arc, OnceLock};

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor, bail};
pub use plan::{AttentionPlan, Group, Segment};

use crate::composed;
use crate::host::{Host, by_dtype, slice, to_storage};

/// Returns `softmax(q k^T / sqrt(dh)) v` per head, each query row over the keys that the plan gives it.
///
/// A query row without keys, or in no segment, gives zeros.
///
/// # Shapes
/// q `[nq, heads * dh]`, kv `[nk, 2 * heads * dh]` = `[k | v]`, heads contiguous -> `[nq, heads * dh]`
///
/// # Errors
/// Shapes that do not fit each other or the plan.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use mfdoom_nn::{AttentionPlan, Group, Segment, attention};
/// let plan = AttentionPlan::new(
///     vec![Group { segments: vec![Segment { queries: 0..1, keys: vec![0..2] }] }],
///     2, // query rows
///     2, // key rows
/// )?;
/// let q = Tensor::new(&[[1f32], [1.0]], &Device::Cpu)?;
/// let kv = Tensor::new(&[[0f32, 1.0], [3f32.ln(), 5.0]], &Device::Cpu)?; // [k | v]
/// let out = attention(&q, &kv, 1, &plan.into())?.to_vec2::<f32>()?;
/// assert!((out[0][0] - (0.25 * 1.0 + 0.75 * 5.0)).abs() < 1e-6);
/// assert_eq!(out[1][0], 0.0); // reads nothing
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn attention(q: &Tensor, kv: &Tensor, heads: usize, plan: &Arc<AttentionPlan>) -> Result<Tensor> {
    let (n_queries, inner) = q.dims2()?;
    let (n_keys, both) = kv.dims2()?;
    if heads == 0 || inner % heads != 0 || inner == 0 || both != 2 * inner {
        bail!(
            "attention with {heads} heads of q {:?} and kv {:?}: wanted [nq, h*dh] and [nk, 2*h*dh]",
            q.dims(),
            kv.dims()
        );
    }
    if (n_queries, n_keys) != (plan.n_queries(), plan.n_keys()) {
        bail!(
            "an attention plan for {} queries and {} keys was given {n_queries} and {n_keys}",
            plan.n_queries(),
            plan.n_keys()
        );
    }
    if !q.device().is_cpu() {
        return composed::attention(q, kv, heads, plan);
    }
    let op = Attention { plan: plan.clone(), heads, lse: OnceLock::new() };
    q.contiguous()?.apply_op2(&kv.contiguous()?, op)
}

pub(crate) use backward::{Input, backward};
pub(crate) use forward::forward;

/// Sizes shared by the kernels: heads, width of a head and of all heads together.
#[derive(Clone, Copy)]
pub(crate) struct Heads {
    count: usize,
    dim: usize,
    inner: usize,
}

impl Heads {
    pub(crate) fn of(count: usize, inner: usize) -> Heads {
        Heads { count, dim: inner / count, inner }
    }
}

/// One of the heads.
#[derive(Clone, Copy)]
struct Head {
    heads: Heads,
    number: usize,
}

impl Head {
    /// Returns the first column of the head among those of all heads.
    fn column(self) -> usize {
        self.number * self.heads.dim
    }
}

struct Attention {
    plan: Arc<AttentionPlan>,
    heads: usize,
    /// Log-sum-exp `[heads, nq]` of the forward.
    lse: OnceLock<CpuStorage>,
}

impl Attention {
    fn heads(&self, inner: usize) -> Heads {
        Heads::of(self.heads, inner)
    }
}

impl CustomOp2 for Attention {
    fn name(&self) -> &'static str {
        "packed-attention"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let heads = self.heads(l1.dims()[1]);
        let out = by_dtype!(s1.dtype(), T => {
            let (out, lse) = forward(&self.plan, heads, slice::<T>(s1, l1)?, slice::<T>(s2, l2)?);
            let _ = self.lse.set(to_storage(lse));
            to_storage(out)
        });
        Ok((out, l1.shape().clone()))
    }

    fn bwd(
        &self,
        q: &Tensor,
        kv: &Tensor,
        res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let heads = self.heads(q.dim(1)?);
        let Some(lse) = self.lse.get() else { bail!("the backward of attention ran before its forward") };
        by_dtype!(q.dtype(), T => {
            let hosts = [q, kv, res, &grad].map(Host::of);
            let input = Input {
                q: hosts[0].slice::<T>()?,
                kv: hosts[1].slice()?,
                out: hosts[2].slice()?,
                grad: hosts[3].slice()?,
                lse: lse.as_slice()?,
            };
            let (dq, dkv) = backward(&self.plan, heads, &input);
            Ok((
                Some(Tensor::from_vec(dq, q.shape(), &Device::Cpu)?),
                Some(Tensor::from_vec(dkv, kv.shape(), &Device::Cpu)?),
            ))
        })
    }
}
