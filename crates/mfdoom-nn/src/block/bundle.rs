//! Several parameters as one argument: candle's operations take at most three.
//!
//! The bundle is a node of the graph between the parameters and the operation that uses them. That
//! operation's backward leaves their gradients in the bundle; candle runs the bundle's own backward after
//! it, which hands them on. A bundle serves one use.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

type Slots = Arc<Mutex<Vec<Option<Tensor>>>>;

/// A handle for the graph, the parameters themselves, and a place for their gradients.
pub(super) struct Bundle<const N: usize> {
    pub(super) weights: [Tensor; N],
    slots: Slots,
}

impl Bundle<2> {
    /// Returns the bundle and the handle to pass as an argument.
    pub(super) fn of(weights: [&Tensor; 2]) -> Result<(Bundle<2>, Tensor)> {
        let slots = Slots::default();
        let handle = weights[0].apply_op2(weights[1], Node { slots: slots.clone() })?;
        Ok((Bundle { weights: weights.map(Clone::clone), slots }, handle))
    }
}

impl Bundle<3> {
    /// Returns the bundle and the handle to pass as an argument.
    pub(super) fn of(weights: [&Tensor; 3]) -> Result<(Bundle<3>, Tensor)> {
        let slots = Slots::default();
        let handle = weights[0].apply_op3(weights[1], weights[2], Node { slots: slots.clone() })?;
        Ok((Bundle { weights: weights.map(Clone::clone), slots }, handle))
    }
}

impl<const N: usize> Bundle<N> {
    /// Leaves the gradients for the bundle's own backward; returns what to give as the handle's gradient.
    pub(super) fn leave(&self, grads: [Option<Tensor>; N], handle: &Tensor) -> Result<Tensor> {
        *self.slots.lock().unwrap_or_else(PoisonError::into_inner) = grads.into();
        handle.zeros_like()
    }
}

struct Node {
    slots: Slots,
}

impl Node {
    fn take(&self, i: usize) -> Option<Tensor> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).get_mut(i).and_then(Option::take)
    }
}

fn handle() -> (CpuStorage, Shape) {
    (CpuStorage::F32(vec![0.0]), 1.into()) // candle follows no gradient through integers
}

impl CustomOp2 for Node {
    fn name(&self) -> &'static str {
        "bundle-2"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(handle())
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((self.take(0), self.take(1)))
    }
}

impl CustomOp3 for Node {
    fn name(&self) -> &'static str {
        "bundle-3"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok(handle())
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        Ok((self.take(0), self.take(1), self.take(2)))
    }
}
