//! Regression by the mean of the nearest.

use rayon::prelude::*;

use crate::dense::Matrix;
use crate::distance::Metric;
use crate::error::{Result, same};
use crate::knn::knn_between;

/// Predicts for every query [n, p] the mean target of its `k` nearest references: `references` [m, p], `t` [m, q].
///
/// ```
/// use mfdoom_matrix::{Matrix, knn_regression};
/// # fn main() -> mfdoom_matrix::Result<()> {
/// let x = Matrix::new(vec![0.0, 1.0, 9.0], 3, 1)?;
/// let t = Matrix::new(vec![1.0, 2.0, 7.0], 3, 1)?;
/// assert_eq!(knn_regression(&Matrix::new(vec![0.2], 1, 1)?, &x, &t, 2)?.data(), [1.5]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of [`knn_between`]; [`Error::Shape`](crate::Error::Shape): not one target a reference;
/// [`Error::NotFinite`](crate::Error::NotFinite).
pub fn knn_regression(queries: &Matrix, references: &Matrix, t: &Matrix, k: usize) -> Result<Matrix> {
    same("rows of the targets", t.n_rows(), references.n_rows())?;
    t.check_finite()?;
    let near = knn_between(queries, references, k, Metric::Euclidean)?;
    let q = t.n_cols();
    let mut data = vec![0.0f32; queries.n_rows() * q];
    data.par_chunks_mut(q.max(1)).enumerate().for_each(|(row, mean)| {
        let mut sums = vec![0.0; q];
        for &other in near.indices(row) {
            sums.iter_mut().zip(t.row(other as usize)).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        mean.iter_mut().zip(sums).for_each(|(mean, sum)| *mean = (sum / k as f64) as f32);
    });
    Matrix::new(data, queries.n_rows(), q)
}
