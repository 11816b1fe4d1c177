//! The scatter matrix formed outright, where its columns are few: one dense product instead of many sparse ones.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::panel::Panel;
use crate::rows::Rows;

/// Most columns for which the matrix is formed: 32 MiB.
pub(super) const MOST_COLUMNS: usize = 2048;
/// Rows that are spread out at a time.
const ROWS: usize = 512;
/// Columns of the matrix that one task adds to; fixed, so that sums do not depend on the threads.
const TILE: usize = 64;

/// C = (X - m)' (X - m), [p, p] column by column.
pub(super) struct Gram {
    data: Vec<f64>,
    p: usize,
}

impl Gram {
    /// Forms the matrix of `x` [n, p] with column means `mean`.
    pub(super) fn new<X: Rows>(x: &X, mean: &[f64]) -> Self {
        let p = mean.len();
        let mut data = vec![0.0; p * p];
        let mut dense = vec![0.0; ROWS.min(x.n_rows()) * p];
        for start in (0..x.n_rows()).step_by(ROWS) {
            let n = ROWS.min(x.n_rows() - start);
            let dense = &mut dense[..n * p];
            dense.par_chunks_mut(p).enumerate().for_each(|(row, values)| {
                values.iter_mut().zip(mean).for_each(|(value, mean)| *value = -mean);
                x.each(start + row, |column, value| values[column] += value);
            });
            let rows = MatRef::from_row_major_slice(&*dense, n, p);
            data.par_chunks_mut(TILE * p).enumerate().for_each(|(tile, columns)| {
                let (first, width) = (tile * TILE, columns.len() / p);
                // Only what lies on and below the diagonal; the rest follows by symmetry.
                let mut target = MatMut::from_column_major_slice_mut(columns, p, width);
                matmul(
                    target.as_mut().subrows_mut(first, p - first),
                    Accum::Add,
                    rows.subcols(first, p - first).transpose(),
                    rows.subcols(first, width),
                    1.0,
                    Par::Seq,
                );
            });
        }
        for column in 0..p {
            for row in 0..column {
                data[column * p + row] = data[row * p + column];
            }
        }
        Self { data, p }
    }

    /// Returns C times the columns of `panel` [p, b].
    pub(super) fn times(&self, panel: &Panel) -> Panel {
        let (p, b) = (self.p, panel.width());
        let mut product = vec![0.0; p * b];
        let right = MatRef::from_row_major_slice(panel.data(), p, b);
        product.par_chunks_mut(TILE * b).zip(self.data.par_chunks(TILE * p)).for_each(|(rows, columns)| {
            let n = rows.len() / b;
            matmul(
                MatMut::from_row_major_slice_mut(rows, n, b),
                Accum::Replace,
                MatRef::from_column_major_slice(columns, p, n).transpose(),
                right,
                1.0,
                Par::Seq,
            );
        });
        Panel::new(product, p, b)
    }
}
