//! The forward pass: online softmax, one task per group, head and stretch of query blocks.

use std::ops::Range;

use rayon::prelude::*;

use super::block::{Keys, QUERIES, Queries, Running, blocks, pack_rows};
use super::plan::{AttentionPlan, Prepared};
use super::{Head, Heads};
use crate::buffer::Shared;
use crate::math::Real;
use crate::matrix::{Target, View, Workers, product};

/// Fewer tasks than this from groups and heads alone, and the query blocks are shared out as well.
const TASKS: usize = 64;

/// One head of one group, and which of its query blocks.
struct Task {
    group: usize,
    head: usize,
    blocks: Range<usize>,
}

/// Where the results of all tasks go.
#[derive(Clone, Copy)]
struct Places<T> {
    /// `[nq, inner]`
    out: Shared<T>,
    /// `[heads, nq]`
    lse: Shared<T>,
    n_queries: usize,
}

/// Returns the output `[nq, inner]` and the log-sum-exp `[heads, nq]`.
pub(crate) fn forward<T: Real>(plan: &AttentionPlan, heads: Heads, q: &[T], kv: &[T]) -> (Vec<T>, Vec<T>) {
    let n_queries = plan.n_queries();
    let mut out: Vec<T> = Vec::with_capacity(n_queries * heads.inner);
    let mut lse: Vec<T> = Vec::with_capacity(n_queries * heads.count);
    let places = Places { out: Shared::of_capacity(&mut out), lse: Shared::of_capacity(&mut lse), n_queries };
    for idle in &plan.idle_queries {
        // SAFETY: nothing else runs yet and both buffers are alive.
        unsafe { places.out.row(idle.start * heads.inner, idle.len() * heads.inner) }.fill(T::zero());
        for head in 0..heads.count {
            // SAFETY: as above.
            unsafe { places.lse.row(head * n_queries + idle.start, idle.len()) }.fill(T::zero());
        }
    }
    tasks(plan, heads).par_iter().for_each_init(Scratch::default, |scratch, task| {
        let group = &plan.groups[task.group];
        let Scratch { keys, work } = scratch;
        let head = Head { heads, number: task.head };
        let keys = Keys::of(group, kv, head, keys);
        for queries in query_blocks(group).skip(task.blocks.start).take(task.blocks.len()) {
            work.block(&keys, &queries, q, head);
            work.store(&queries.rows, head, places);
        }
    });
    // SAFETY: every query row is idle or in exactly one block of one segment, and each head wrote its part.
    unsafe {
        out.set_len(n_queries * heads.inner);
        lse.set_len(n_queries * heads.count);
    }
    (out, lse)
}

fn query_blocks(group: &Prepared) -> impl Iterator<Item = Queries<'_>> {
    group
        .segments
        .iter()
        .flat_map(|segment| blocks(&segment.queries, QUERIES).map(move |rows| Queries { segment, rows }))
}

fn tasks(plan: &AttentionPlan, heads: Heads) -> Vec<Task> {
    let parts = TASKS.div_ceil((plan.groups.len() * heads.count).max(1));
    let mut tasks = Vec::new();
    for (group, prepared) in plan.groups.iter().enumerate() {
        let count = query_blocks(prepared).count();
        let step = count.div_ceil(parts).max(1);
        for head in 0..heads.count {
            tasks.extend(blocks(&(0..count), step).map(|blocks| Task { group, head, blocks }));
        }
    }
    tasks
}

struct Scratch<T> {
    keys: Vec<T>,
    work: Work<T>,
}

impl<T: Real> Default for Scratch<T> {
    fn default() -> Scratch<T> {
        let work = Work { q: Vec::new(), scores: Vec::new(), values: Vec::new(), running: Running::new() };
        Scratch { keys: Vec::new(), work }
    }
}

struct Work<T> {
    q: Vec<T>,
    scores: Vec<T>,
    values: Vec<T>,
    running: Running<T>,
}

impl<T: Real> Work<T> {
    /// Computes the weighted, not yet divided values of a block of query rows.
    fn block(&mut self, keys: &Keys<'_, T>, queries: &Queries<'_>, q: &[T], head: Head) {
        let Queries { segment, rows } = queries;
        let dim = keys.dim;
        pack_rows(&mut self.q, q, rows, head, T::one() / T::from_f64(dim as f64).sqrt());
        self.values.clear();
        self.values.resize(rows.len() * dim, T::zero());
        self.running = Running::new();
        let q = View::new(&self.q, rows.len(), dim, dim);
        let mut first = true;
        for (block, _) in keys.blocks(segment) {
            let n = block.len();
            self.scores.resize((rows.len() * n).max(self.scores.len()), T::zero());
            let scores = &mut self.scores[..rows.len() * n];
            let target = Target::over(&mut *scores, n);
            product(target, q, keys.k(&block).transposed(), Workers::Here);
            self.running.add(scores, n, &mut self.values, dim);
            let target = Target { data: &mut self.values, stride: dim, accumulate: !first };
            product(target, View::new(scores, rows.len(), n, n), keys.v(&block), Workers::Here);
            first = false;
        }
    }

    fn store(&self, rows: &Range<usize>, head: Head, places: Places<T>) {
        let Heads { dim, inner, .. } = head.heads;
        // SAFETY: a query row is in one block of one segment, and a block of a head in one task.
        let lse = unsafe { places.lse.row(head.number * places.n_queries + rows.start, rows.len()) };
        for (i, row) in rows.clone().enumerate() {
            // SAFETY: as above; the columns are those of this head.
            let out = unsafe { places.out.row(row * inner + head.column(), dim) };
            let (largest, sum) = (self.running.largest[i], self.running.sum[i]);
            let none = largest == T::neg_infinity() && sum == T::zero();
            lse[i] = if none { T::zero() } else { largest + sum.ln() };
            let scale = if none { T::zero() } else { T::one() / sum };
            for (out, &value) in out.iter_mut().zip(&self.values[i * dim..]) {
                *out = value * scale;
            }
        }
    }
}
