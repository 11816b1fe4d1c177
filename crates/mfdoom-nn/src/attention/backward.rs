//! The backward pass: one task per group and head, which owns all gradients of its rows.

use std::ops::Range;

use rayon::prelude::*;

use super::block::{Keys, QUERIES, Queries, blocks, pack_rows, probabilities, score_grads};
use super::plan::{AttentionPlan, Prepared};
use super::{Head, Heads};
use crate::buffer::Shared;
use crate::math::{Real, sum_of};
use crate::matrix::{Target, View, Workers, product};

/// What the forward read and returned, and the gradient of what it returned.
pub(crate) struct Input<'a, T> {
    pub(crate) q: &'a [T],
    pub(crate) kv: &'a [T],
    pub(crate) out: &'a [T],
    pub(crate) grad: &'a [T],
    pub(crate) lse: &'a [T],
}

/// Where the gradients of all tasks go.
#[derive(Clone, Copy)]
struct Places<T> {
    q: Shared<T>,
    kv: Shared<T>,
}

/// Returns the gradients of q and kv.
pub(crate) fn backward<T: Real>(
    plan: &AttentionPlan,
    heads: Heads,
    input: &Input<'_, T>,
) -> (Vec<T>, Vec<T>) {
    let mut dq: Vec<T> = Vec::with_capacity(input.q.len());
    let mut dkv: Vec<T> = Vec::with_capacity(input.kv.len());
    let places = Places { q: Shared::of_capacity(&mut dq), kv: Shared::of_capacity(&mut dkv) };
    let idle = [(places.q, &plan.idle_queries, heads.inner), (places.kv, &plan.idle_keys, 2 * heads.inner)];
    for (place, rows, width) in idle {
        for rows in rows {
            // SAFETY: nothing else runs yet and both buffers are alive.
            unsafe { place.row(rows.start * width, rows.len() * width) }.fill(T::zero());
        }
    }
    let tasks = plan.groups.len() * heads.count;
    (0..tasks).into_par_iter().for_each_init(Scratch::default, |scratch, task| {
        let head = Head { heads, number: task % heads.count };
        scratch.group(&plan.groups[task / heads.count], head, input, places);
    });
    // SAFETY: every row is idle or belongs to exactly one group, whose tasks wrote all heads of it.
    unsafe {
        dq.set_len(input.q.len());
        dkv.set_len(input.kv.len());
    }
    (dq, dkv)
}

struct Scratch<T> {
    keys: Vec<T>,
    work: Work<T>,
}

struct Work<T> {
    q: Vec<T>,
    grad: Vec<T>,
    delta: Vec<T>,
    scores: Vec<T>,
    score_grads: Vec<T>,
    dq: Vec<T>,
    /// Gradients of k and v of the group's keys, in the group's numbers.
    dk: Vec<T>,
    dv: Vec<T>,
}

impl<T: Real> Default for Scratch<T> {
    fn default() -> Scratch<T> {
        let work = Work {
            q: Vec::new(),
            grad: Vec::new(),
            delta: Vec::new(),
            scores: Vec::new(),
            score_grads: Vec::new(),
            dq: Vec::new(),
            dk: Vec::new(),
            dv: Vec::new(),
        };
        Scratch { keys: Vec::new(), work }
    }
}

impl<T: Real> Scratch<T> {
    fn group(&mut self, group: &Prepared, head: Head, input: &Input<'_, T>, places: Places<T>) {
        let Heads { dim, inner, .. } = head.heads;
        let keys = Keys::of(group, input.kv, head, &mut self.keys);
        for grads in [&mut self.work.dk, &mut self.work.dv] {
            grads.clear();
            grads.resize(group.n_keys * dim, T::zero());
        }
        for segment in &group.segments {
            for rows in blocks(&segment.queries, QUERIES) {
                self.work.block(&keys, &Queries { segment, rows: rows.clone() }, input, head);
                store(
                    &self.work.dq,
                    rows,
                    Columns { of: places.q, stride: inner, first: head.column(), dim },
                );
            }
        }
        for (grads, offset) in [(&self.work.dk, 0), (&self.work.dv, inner)] {
            let rows = group.keys.iter().cloned().flatten();
            let first = offset + head.column();
            store(grads, rows, Columns { of: places.kv, stride: 2 * inner, first, dim });
        }
    }
}

/// The columns of one head in a matrix of gradients.
struct Columns<T> {
    of: Shared<T>,
    stride: usize,
    first: usize,
    dim: usize,
}

/// Copies packed rows to their places.
fn store<T: Real>(from: &[T], rows: impl Iterator<Item = usize>, to: Columns<T>) {
    for (from, row) in from.chunks_exact(to.dim).zip(rows) {
        // SAFETY: the rows belong to this task's group only, the columns to its head only.
        unsafe { to.of.row(row * to.stride + to.first, to.dim) }.copy_from_slice(from);
    }
}

impl<T: Real> Work<T> {
    /// Adds a block of query rows to `dk` and `dv` and leaves its `dq`.
    fn block(&mut self, keys: &Keys<'_, T>, queries: &Queries<'_>, input: &Input<'_, T>, head: Head) {
        let Queries { segment, rows } = queries;
        let Heads { dim, inner, .. } = head.heads;
        let m = rows.len();
        let scale = T::one() / T::from_f64(dim as f64).sqrt();
        pack_rows(&mut self.q, input.q, rows, head, scale);
        pack_rows(&mut self.grad, input.grad, rows, head, T::one());
        self.dq.clear();
        self.dq.resize(m * dim, T::zero());
        self.delta.clear();
        self.delta.extend(rows.clone().zip(self.grad.chunks_exact(dim)).map(|(row, grad)| {
            let out = &input.out[row * inner + head.column()..][..dim];
            sum_of(dim, |i| out[i] * grad[i])
        }));
        let n_queries = input.q.len() / inner;
        let lse = &input.lse[head.number * n_queries + rows.start..][..m];
        for (block, local) in keys.blocks(segment) {
            self.pair(keys, &block, local * dim, lse);
        }
        self.dq.iter_mut().for_each(|x| *x *= scale);
    }

    /// One block of queries with one block of keys, whose gradients start at `local`.
    fn pair(&mut self, keys: &Keys<'_, T>, block: &Range<usize>, local: usize, lse: &[T]) {
        let dim = keys.dim;
        let (m, n) = (self.q.len() / dim, block.len());
        for buffer in [&mut self.scores, &mut self.score_grads] {
            buffer.resize((m * n).max(buffer.len()), T::zero());
        }
        let (scores, grads) = (&mut self.scores[..m * n], &mut self.score_grads[..m * n]);
        let (q, grad) = (View::new(&self.q, m, dim, dim), View::new(&self.grad, m, dim, dim));
        let (k, v) = (keys.k(block), keys.v(block));
        product(Target::over(&mut *scores, n), q, k.transposed(), Workers::Here);
        probabilities(scores, n, lse);
        product(Target::over(&mut *grads, n), grad, v.transposed(), Workers::Here);
        score_grads(grads, scores, n, &self.delta);
        let (p, ds) = (View::new(scores, m, n, n), View::new(grads, m, n, n));
        let add = |data| Target::onto(data, dim);
        product(add(&mut self.dv[local..]), p.transposed(), grad, Workers::Here);
        product(add(&mut self.dk[local..]), ds.transposed(), q, Workers::Here);
        product(add(&mut self.dq), ds, k, Workers::Here);
    }
}
