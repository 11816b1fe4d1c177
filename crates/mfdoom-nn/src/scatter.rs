//! Deterministic parallel scatter-add: the gradient of a table from the gradients of the rows read from it.

use std::ops::Range;

use rayon::prelude::*;

use crate::buffer::Shared;
use crate::math::{Real, vectorised};

/// Most contributions that one task adds up; rows read more often are cut and their parts added in order.
const RUN: usize = 128;

/// A stretch of contributions to one row of the table.
struct Run {
    row: usize,
    span: Range<usize>,
    first: bool,
}

/// Returns a `[rows, width]` table where row r is the sum, in the order of i, of `grad[i]` with `index[i] == r`.
///
/// Rows that nothing reads cost no work beyond the zeroed pages of the allocation.
pub(crate) fn scatter_add<T: Real>(grad: &[T], index: &[u32], rows: usize, width: usize) -> Vec<T> {
    let order = sorted_positions(index, rows);
    let runs = runs(index, &order);
    let extra: Vec<usize> = (0..runs.len()).filter(|&i| !runs[i].first).collect();
    let mut table = vec![T::zero(); rows * width];
    let mut parts = vec![T::zero(); extra.len() * width];
    let (out, out_parts) = (Shared::of_slice(&mut table), Shared::of_slice(&mut parts));
    let slot: Vec<usize> = runs
        .iter()
        .scan(0, |next, run| Some(std::mem::replace(next, *next + usize::from(!run.first))))
        .collect();
    runs.par_iter().zip(&slot).with_min_len(16).for_each(|(run, &slot)| {
        let (target, at) = if run.first { (&out, run.row) } else { (&out_parts, slot) };
        // SAFETY: each run owns its row of the table (first run of that row) or its slot in the parts, and
        // both buffers outlive this loop.
        let sum = unsafe { target.row(at * width, width) };
        vectorised(
            #[inline(always)]
            || {
                for &position in &order[run.span.clone()] {
                    let row = &grad[position as usize * width..][..width];
                    for (sum, &g) in sum.iter_mut().zip(row) {
                        *sum += g;
                    }
                }
            },
        );
    });
    for (part, &run) in parts.chunks_exact(width.max(1)).zip(&extra) {
        for (sum, &value) in table[runs[run].row * width..].iter_mut().zip(part) {
            *sum += value;
        }
    }
    table
}

/// Returns the positions of `index` sorted by the row they read, equal rows in their order.
fn sorted_positions(index: &[u32], rows: usize) -> Vec<u32> {
    if rows > 8 * index.len() {
        let mut keys: Vec<u64> =
            index.iter().enumerate().map(|(i, &row)| (u64::from(row) << 32) | i as u64).collect();
        keys.par_sort_unstable();
        return keys.into_iter().map(|key| key as u32).collect();
    }
    let mut next = vec![0u32; rows + 1];
    for &row in index {
        next[row as usize + 1] += 1;
    }
    for row in 0..rows {
        next[row + 1] += next[row];
    }
    let mut order = vec![0u32; index.len()];
    for (position, &row) in index.iter().enumerate() {
        let at = &mut next[row as usize];
        order[*at as usize] = position as u32;
        *at += 1;
    }
    order
}

fn runs(index: &[u32], order: &[u32]) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut start = 0;
    while start < order.len() {
        let row = index[order[start] as usize];
        let same = order[start..].iter().take_while(|&&i| index[i as usize] == row).count();
        for offset in (0..same).step_by(RUN) {
            let span = start + offset..start + same.min(offset + RUN);
            runs.push(Run { row: row as usize, span, first: offset == 0 });
        }
        start += same;
    }
    runs
}
