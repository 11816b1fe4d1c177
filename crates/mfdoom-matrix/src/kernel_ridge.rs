//! Kernel ridge regression with a Gaussian kernel: a smooth map of any shape.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::{factor, solve};
use faer::{Mat, Par};
use rayon::prelude::*;

use crate::dense::Matrix;
use crate::distance::{Metric, Pairs, blocks};
use crate::error::{Error, Result};
use crate::panel::Panel;
use crate::ridge::{centred, check, matrix};

/// A fitted map: the mean target plus a weighted sum of kernels exp(-gamma |x - x_i|²).
///
/// Fitting takes memory with the square and time with the cube of the rows.
#[derive(Clone, Debug)]
pub struct KernelRidge {
    anchors: Matrix,
    weights: Mat<f64>,
    intercept: Vec<f64>,
    gamma: f64,
}

impl KernelRidge {
    /// Fits inputs `x` [n, p] to targets `t` [n, q] centred over the rows, with (K + penalty)^-1.
    ///
    /// # Errors
    /// Those of [`Ridge::fit`](crate::Ridge::fit); [`Error::TooFew`] also for a gamma that is not positive.
    pub fn fit(x: &Matrix, t: &Matrix, gamma: f64, penalty: f64) -> Result<Self> {
        check(x, t, &[penalty, gamma])?;
        let n = x.n_rows();
        let rows = kernel(x, x, gamma)?;
        let mut gram = Mat::from_fn(n, n, |row, column| {
            rows[row * n + column] + if row == column { penalty } else { 0.0 }
        });
        let (targets, intercept) = centred(t);
        let mut weights = Mat::from_fn(n, t.n_cols(), |row, column| targets.row(row)[column]);
        let scratch = factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default());
        factor::cholesky_in_place(
            gram.as_mut(),
            Default::default(),
            Par::Seq,
            MemStack::new(&mut MemBuffer::new(scratch)),
            Default::default(),
        )
        .map_err(|_| Error::Malformed("the kernel matrix is singular: raise the penalty"))?;
        let scratch = solve::solve_in_place_scratch::<f64>(n, t.n_cols(), Par::Seq);
        let stack = &mut MemBuffer::new(scratch);
        solve::solve_in_place(gram.as_ref(), weights.as_mut(), Par::Seq, MemStack::new(stack));
        Ok(Self { anchors: x.clone(), weights, intercept, gamma })
    }

    /// Returns a gamma that suits the scale of `x`: half over the mean square norm of its rows.
    pub fn gamma_for(x: &Matrix) -> f64 {
        let square: f64 = x.data().iter().map(|&value| f64::from(value).powi(2)).sum();
        if square > 0.0 { 0.5 * x.n_rows() as f64 / square } else { 1.0 }
    }

    /// Predicts the targets [n, q] of inputs `x` [n, p].
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape): another number of columns; [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn predict(&self, x: &Matrix) -> Result<Matrix> {
        let rows = Panel::new(kernel(x, &self.anchors, self.gamma)?, x.n_rows(), self.anchors.n_rows());
        matrix(rows.times(self.weights.as_ref()), &self.intercept)
    }
}

/// Returns the kernel of every row of `x` with every anchor, row by row.
fn kernel(x: &Matrix, anchors: &Matrix, gamma: f64) -> Result<Vec<f64>> {
    let pairs = Pairs::new(x, anchors, Metric::Euclidean)?;
    let n = anchors.n_rows();
    let blocks: Vec<Vec<f64>> = blocks(x.n_rows())
        .into_par_iter()
        .map(|block| {
            let mut rows = vec![0.0; block.len() * n];
            pairs.tiles(block, |columns, tile| {
                for (row, squares) in tile.chunks_exact(columns.len()).enumerate() {
                    let row = &mut rows[row * n..][columns.clone()];
                    row.iter_mut()
                        .zip(squares)
                        .for_each(|(value, square)| *value = (-gamma * square.max(0.0)).exp());
                }
            });
            rows
        })
        .collect();
    Ok(blocks.concat())
}
