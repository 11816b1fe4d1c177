//! Bounds-checked views of row-major matrices and their product by the `gemm` crate.
//!
//! An element of a product is summed in an order that depends on the shapes only: `gemm` gives whole tiles
//! of the result to its threads and never cuts the inner dimension between them.

use gemm::Parallelism;

use crate::math::Real;

/// A matrix inside a slice; `row` and `col` are the strides.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, T> {
    data: &'a [T],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    row: usize,
    col: usize,
}

impl<'a, T> View<'a, T> {
    /// Views `rows` rows of `cols` elements, `stride` elements apart.
    pub(crate) fn new(data: &'a [T], rows: usize, cols: usize, stride: usize) -> View<'a, T> {
        assert!(
            rows == 0 || cols == 0 || (rows - 1) * stride + cols <= data.len(),
            "a view leaves its slice"
        );
        View { data, rows, cols, row: stride, col: 1 }
    }

    pub(crate) fn transposed(self) -> View<'a, T> {
        View { data: self.data, rows: self.cols, cols: self.rows, row: self.col, col: self.row }
    }
}

/// Where the product goes: contiguous rows, written whole or added to.
pub(crate) struct Target<'a, T> {
    pub(crate) data: &'a mut [T],
    pub(crate) stride: usize,
    pub(crate) accumulate: bool,
}

impl<'a, T> Target<'a, T> {
    /// The product replaces what is there.
    pub(crate) fn over(data: &'a mut [T], stride: usize) -> Target<'a, T> {
        Target { data, stride, accumulate: false }
    }

    /// The product is added to what is there.
    pub(crate) fn onto(data: &'a mut [T], stride: usize) -> Target<'a, T> {
        Target { data, stride, accumulate: true }
    }
}

/// Who computes: the calling thread or the current rayon pool.
#[derive(Clone, Copy)]
pub(crate) enum Workers {
    Here,
    Pool,
}

/// Computes `a b` (or adds it to the target).
pub(crate) fn product<T: Real>(target: Target<'_, T>, a: View<'_, T>, b: View<'_, T>, workers: Workers) {
    let (m, n, k) = (a.rows, b.cols, a.cols);
    assert_eq!(k, b.rows, "inner dimensions differ");
    assert!(
        m == 0 || n == 0 || (m - 1) * target.stride + n <= target.data.len(),
        "a product leaves its target"
    );
    let parallelism = match workers {
        Workers::Here => Parallelism::None,
        Workers::Pool if rayon::current_num_threads() == 1 => Parallelism::None,
        Workers::Pool => Parallelism::Rayon(0),
    };
    // SAFETY: the views were checked against their slices when made and the target just now; the target is
    // borrowed mutably, so it overlaps neither input.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            target.data.as_mut_ptr(),
            1,
            target.stride as isize,
            target.accumulate,
            a.data.as_ptr(),
            a.col as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.col as isize,
            b.row as isize,
            T::one(),
            T::one(),
            false,
            false,
            false,
            parallelism,
        );
    }
}
