//! Attention in padded batches of alike segments, for devices without a kernel of ours.

use std::collections::BTreeMap;
use std::ops::Range;

use candle_core::{D, Result, Tensor};
use candle_nn::ops::softmax;

use super::indices;
use crate::attention::AttentionPlan;

/// Added to the scores of padding: finite, so that no row becomes NaN, and far below any score.
const MASKED: f32 = -1e30;

/// As [`crate::attention`]; keeps the scores of every segment, padded to the next power of two.
pub fn attention(q: &Tensor, kv: &Tensor, heads: usize, plan: &AttentionPlan) -> Result<Tensor> {
    let (n_queries, inner) = q.dims2()?;
    let mut place = vec![0u32; n_queries];
    let mut parts = vec![Tensor::zeros((1, inner), q.dtype(), q.device())?];
    let mut next = 1;
    for ((rows, columns), batch) in batches(plan) {
        parts.push(attend(q, kv, heads, &batch, (rows, columns))?);
        for (i, (queries, _)) in batch.iter().enumerate() {
            for (offset, query) in queries.clone().enumerate() {
                place[query] = (next + i * rows + offset) as u32;
            }
        }
        next += batch.len() * rows;
    }
    Tensor::cat(&parts, 0)?.index_select(&indices(&place, q.device())?, 0)
}

type Read = (Range<usize>, Vec<Range<usize>>);

/// Sorts the segments that read anything by their padded numbers of queries and keys.
fn batches(plan: &AttentionPlan) -> BTreeMap<(usize, usize), Vec<Read>> {
    let mut batches = BTreeMap::<_, Vec<Read>>::new();
    for segment in plan.groups.iter().flat_map(|group| &group.segments) {
        let keys: Vec<_> = segment.keys.iter().map(|span| span.rows.clone()).collect();
        let count: usize = keys.iter().map(ExactSizeIterator::len).sum();
        if count > 0 && !segment.queries.is_empty() {
            let size = (segment.queries.len().next_power_of_two(), count.next_power_of_two());
            batches.entry(size).or_default().push((segment.queries.clone(), keys));
        }
    }
    batches
}

/// Returns `[batch * rows, inner]`; what the padding rows hold is not read.
fn attend(
    q: &Tensor,
    kv: &Tensor,
    heads: usize,
    batch: &[Read],
    (rows, columns): (usize, usize),
) -> Result<Tensor> {
    let inner = q.dim(1)?;
    let (size, dim) = (batch.len(), inner / heads);
    let padded = |numbers: Vec<u32>, to: usize| {
        numbers.into_iter().chain(std::iter::repeat(0)).take(to).collect::<Vec<_>>()
    };
    let as_u32 = |range: &Range<usize>| range.clone().map(|row| row as u32).collect::<Vec<_>>();
    let mut queries = Vec::with_capacity(size * rows);
    let mut keys = Vec::with_capacity(size * columns);
    let mut mask = Vec::with_capacity(size * columns);
    for (query_rows, key_rows) in batch {
        queries.extend(padded(as_u32(query_rows), rows));
        let numbers: Vec<u32> = key_rows.iter().flat_map(as_u32).collect();
        mask.extend((0..columns).map(|i| if i < numbers.len() { 0.0 } else { MASKED }));
        keys.extend(padded(numbers, columns));
    }
    let device = q.device();
    let split = |x: Tensor, n: usize| x.reshape((size, n, heads, dim))?.transpose(1, 2)?.contiguous();
    let q = split(q.index_select(&indices(&queries, device)?, 0)?, rows)?; // [b, h, rows, dh]
    let kv = kv.index_select(&indices(&keys, device)?, 0)?;
    let k = split(kv.narrow(1, 0, inner)?.contiguous()?, columns)?;
    let v = split(kv.narrow(1, inner, inner)?.contiguous()?, columns)?;
    let mask = Tensor::from_vec(mask, (size, 1, 1, columns), device)?.to_dtype(q.dtype())?;
    let scores = (q.matmul(&k.t()?)? / (dim as f64).sqrt())?.broadcast_add(&mask)?;
    let out = softmax(&scores, D::Minus1)?.matmul(&v)?; // [b, h, rows, dh]
    out.transpose(1, 2)?.reshape((size * rows, inner))
}
