//! Output buffers that are filled by all threads, piece by piece, without being zeroed first.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use crate::math::Real;

/// Elements of one piece of work: a piece and its inputs stay inside the second-level cache.
const PIECE: usize = 32 * 1024;

/// An output of `rows` x `width` elements, cut into pieces of equally many rows by size alone.
#[derive(Clone, Copy)]
pub(crate) struct Pieces {
    rows: usize,
    width: usize,
    per_piece: usize,
}

impl Pieces {
    /// Cuts by the size of the output.
    pub(crate) fn new(rows: usize, width: usize) -> Pieces {
        Pieces::reading(rows, width, width)
    }

    /// Cuts by the size of what is read: `read` elements for each row of the output.
    pub(crate) fn reading(rows: usize, width: usize, read: usize) -> Pieces {
        Pieces { rows, width, per_piece: (PIECE / read.max(1)).clamp(1, 4096) }
    }
}

/// Returns the output; `fill(first_row, piece)` writes every element of its piece.
pub(crate) fn fill_rows<T: Real>(pieces: Pieces, fill: impl Fn(usize, &mut [T]) + Sync) -> Vec<T> {
    fill_rows_with(pieces, 0, |row, piece, _| fill(row, piece)).0
}

/// As [`fill_rows`], and each piece also adds into its own zeroed partial of `extra` elements.
///
/// Returns the output and the sum of the partials in the order of the pieces.
pub(crate) fn fill_rows_with<T: Real>(
    Pieces { rows, width, per_piece }: Pieces,
    extra: usize,
    fill: impl Fn(usize, &mut [T], &mut [T]) + Sync,
) -> (Vec<T>, Vec<T>) {
    let total = rows * width;
    let count = if width == 0 { 0 } else { rows.div_ceil(per_piece) };
    let mut out: Vec<T> = Vec::with_capacity(total);
    let mut partials = vec![T::zero(); count * extra];
    let work = |index: usize, piece: &mut [MaybeUninit<T>], partial: &mut [T]| {
        // SAFETY: MaybeUninit<T> and T have one layout, every bit pattern of a float is valid, and `fill`
        // writes all elements of its piece before anything reads them.
        let piece = unsafe { &mut *(std::ptr::from_mut(piece) as *mut [T]) };
        fill(index * per_piece, piece, partial);
    };
    let spare = &mut out.spare_capacity_mut()[..total];
    match (count, extra) {
        (0, _) => {}
        (1, _) => work(0, spare, &mut partials),
        (_, 0) => {
            let pieces = spare.par_chunks_mut(per_piece * width).enumerate();
            pieces.for_each(|(i, piece)| work(i, piece, &mut []));
        }
        _ => {
            let pieces =
                spare.par_chunks_mut(per_piece * width).zip(partials.par_chunks_mut(extra)).enumerate();
            pieces.for_each(|(i, (piece, partial))| work(i, piece, partial));
        }
    }
    // SAFETY: the capacity is `total` and the pieces above cover all of it.
    unsafe { out.set_len(total) };
    (out, sum_partials(partials, extra))
}

/// Sums equally long partials in their order.
pub(crate) fn sum_partials<T: Real>(mut partials: Vec<T>, width: usize) -> Vec<T> {
    if width > 0 && !partials.is_empty() {
        let (total, rest) = partials.split_at_mut(width);
        for partial in rest.chunks_exact(width) {
            for (sum, &value) in total.iter_mut().zip(partial) {
                *sum += value;
            }
        }
    }
    partials.resize(width, T::zero());
    partials
}

/// An output that tasks write in disjoint, strided places.
#[derive(Clone, Copy)]
pub(crate) struct Shared<T> {
    start: *mut T,
    len: usize,
}

// SAFETY: the pointer is only written through `row`, whose callers promise disjoint places.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Shares the spare capacity of `buffer`, which must outlive every use.
    pub(crate) fn of_capacity(buffer: &mut Vec<T>) -> Shared<T> {
        Shared { start: buffer.as_mut_ptr(), len: buffer.capacity() }
    }

    /// Shares an initialised buffer, which must outlive every use.
    pub(crate) fn of_slice(buffer: &mut [T]) -> Shared<T> {
        Shared { start: buffer.as_mut_ptr(), len: buffer.len() }
    }

    /// Returns `len` elements from `offset`.
    ///
    /// # Safety
    /// The buffer is alive, and no other live reference covers any of these elements.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn row(&self, offset: usize, len: usize) -> &mut [T] {
        assert!(offset + len <= self.len, "a kernel wrote outside its output");
        // SAFETY: inside the allocation by the check above; disjointness is the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(offset), len) }
    }
}

/// Returns room for `len` elements of arbitrary values.
///
/// # Safety
/// Every element is written before it is read.
#[allow(clippy::uninit_vec)]
pub(crate) unsafe fn unfilled<T: Real>(len: usize) -> Vec<T> {
    let mut buffer = Vec::with_capacity(len);
    // SAFETY: the capacity is `len`, every bit pattern of a float is valid, and the caller writes first.
    unsafe { buffer.set_len(len) };
    buffer
}

/// Returns the first `len` elements of a scratch buffer, which grows where it is too small.
pub(crate) fn scratch<T: Real>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::zero());
    }
    &mut buffer[..len]
}

/// Rows that one task of a whole layer takes: some 32 tasks, so that threads end together; depends on `rows` only.
pub(crate) fn rows_per_task(rows: usize) -> usize {
    (rows / 32).next_multiple_of(64).clamp(64, 512)
}
