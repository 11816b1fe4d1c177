//! What forward and backward share: blocks, packed keys and the softmax of one block.

use std::ops::Range;

use super::plan::{Prepared, PreparedSegment};
use super::{Head, Heads};
use crate::math::{Real, larger, max_of, sum_of, vectorised};
use crate::matrix::View;

/// Query rows and key rows of one block; a block of scores stays inside the second-level cache.
pub(super) const QUERIES: usize = 256;
pub(super) const KEYS: usize = 256;

/// From this many query rows on, copying the keys of a head side by side pays.
const PACK_FROM: usize = 16;

/// A block of query rows and their segment.
pub(super) struct Queries<'a> {
    pub(super) segment: &'a PreparedSegment,
    pub(super) rows: Range<usize>,
}

/// The keys and values of one head of one group, where they lie or packed.
pub(super) struct Keys<'a, T> {
    k: &'a [T],
    v: &'a [T],
    /// Width of a head.
    pub(super) dim: usize,
    stride: usize,
    packed: bool,
}

impl<'a, T: Real> Keys<'a, T> {
    /// Finds the keys of a head; `scratch` is used where they are packed.
    pub(super) fn of(group: &Prepared, kv: &'a [T], head: Head, scratch: &'a mut Vec<T>) -> Keys<'a, T> {
        let Heads { dim, inner, .. } = head.heads;
        let (from_k, from_v) = (head.column(), inner + head.column());
        let stride = 2 * inner;
        if group.n_queries < PACK_FROM {
            let at = |offset: usize| kv.get(offset..).unwrap_or_default();
            return Keys { k: at(from_k), v: at(from_v), dim, stride, packed: false };
        }
        scratch.clear();
        for from in [from_k, from_v] {
            for row in group.keys.iter().cloned().flatten() {
                scratch.extend_from_slice(&kv[row * stride + from..][..dim]);
            }
        }
        let (k, v) = scratch.split_at(group.n_keys * dim);
        Keys { k, v, dim, stride: dim, packed: true }
    }

    /// Returns the blocks of a segment's keys, as `k` and `v` take them, and their first number in the group.
    pub(super) fn blocks(&self, segment: &PreparedSegment) -> impl Iterator<Item = (Range<usize>, usize)> {
        let spans = if self.packed { &segment.packed } else { &segment.keys };
        spans.iter().flat_map(|span| {
            blocks(&span.rows, KEYS)
                .map(move |rows| (rows.clone(), span.local + rows.start - span.rows.start))
        })
    }

    pub(super) fn k(&self, rows: &Range<usize>) -> View<'a, T> {
        View::new(&self.k[rows.start * self.stride..], rows.len(), self.dim, self.stride)
    }

    pub(super) fn v(&self, rows: &Range<usize>) -> View<'a, T> {
        View::new(&self.v[rows.start * self.stride..], rows.len(), self.dim, self.stride)
    }
}

/// Cuts a range into blocks of at most `size`.
pub(super) fn blocks(range: &Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let end = range.end;
    range.clone().step_by(size).map(move |start| start..end.min(start + size))
}

/// Copies the rows of one head side by side, times `scale`.
pub(super) fn pack_rows<T: Real>(to: &mut Vec<T>, from: &[T], rows: &Range<usize>, head: Head, scale: T) {
    let Heads { dim, inner, .. } = head.heads;
    to.clear();
    for row in rows.clone() {
        to.extend(from[row * inner + head.column()..][..dim].iter().map(|&x| x * scale));
    }
}

/// The running softmax of a block of query rows: largest score and sum of exponentials.
pub(super) struct Running<T> {
    pub(super) largest: [T; QUERIES],
    pub(super) sum: [T; QUERIES],
}

impl<T: Real> Running<T> {
    pub(super) fn new() -> Running<T> {
        Running { largest: [T::neg_infinity(); QUERIES], sum: [T::zero(); QUERIES] }
    }

    /// Turns scores into exponentials, taking earlier blocks and their weighted values along.
    pub(super) fn add(&mut self, scores: &mut [T], keys: usize, values: &mut [T], dim: usize) {
        let rows = scores.chunks_exact_mut(keys).zip(values.chunks_exact_mut(dim));
        vectorised(
            #[inline(always)]
            || {
                for ((scores, values), (largest, sum)) in rows.zip(self.largest.iter_mut().zip(&mut self.sum))
                {
                    let new = larger(max_of(scores), *largest);
                    if *largest < new && *sum > T::zero() {
                        let shrink = (*largest - new).exponential();
                        *sum *= shrink;
                        values.iter_mut().for_each(|value| *value *= shrink);
                    }
                    *largest = new;
                    scores.iter_mut().for_each(|score| *score = (*score - new).exponential());
                    *sum += sum_of(scores.len(), |i| scores[i]);
                }
            },
        );
    }
}

/// Turns scores into probabilities with the saved log-sum-exp of their rows.
pub(super) fn probabilities<T: Real>(scores: &mut [T], keys: usize, lse: &[T]) {
    vectorised(
        #[inline(always)]
        || {
            for (scores, &lse) in scores.chunks_exact_mut(keys).zip(lse) {
                scores.iter_mut().for_each(|score| *score = (*score - lse).exponential());
            }
        },
    );
}

/// Turns the gradients of probabilities into those of scores: `p * (dp - delta)`.
pub(super) fn score_grads<T: Real>(grads: &mut [T], probabilities: &[T], keys: usize, delta: &[T]) {
    let rows = grads.chunks_exact_mut(keys).zip(probabilities.chunks_exact(keys));
    vectorised(
        #[inline(always)]
        || {
            for ((grads, probabilities), &delta) in rows.zip(delta) {
                for (grad, &p) in grads.iter_mut().zip(probabilities) {
                    *grad = p * (*grad - delta);
                }
            }
        },
    );
}
