//! Principal components of dense or sparse matrices.
//!
//! The columns are centred implicitly, so a sparse matrix of many columns stays sparse. The leading eigenvectors of the
//! scatter matrix come from a thick-restarted randomised block Krylov iteration (Musco and Musco 2015 for the
//! randomised start, Wu and Simon 2000 for the restart), which runs until the components are those of an exact
//! decomposition; a matrix of few columns is decomposed exactly.
//!
//! The sign of a component is such that its largest loading by absolute value is positive.

mod gram;
mod krylov;
mod scatter;

use rayon::prelude::*;

use self::scatter::Scatter;
use crate::dense::Matrix;
use crate::error::{Result, at_least, same};
use crate::panel::Panel;
use crate::rows::Rows;

/// Principal components of n rows of p columns.
#[derive(Clone, Debug)]
pub struct Pca {
    /// Coordinates of the rows, [n, k].
    pub scores: Matrix,
    /// Loadings, [p, k] row by row: unit columns, orthogonal.
    pub loadings: Vec<f64>,
    /// Mean of each column, [p].
    pub mean: Vec<f64>,
    /// Variance along each component (divisor n - 1), [k], descending.
    pub explained_variance: Vec<f64>,
    /// Sum of the variances of all columns.
    pub total_variance: f64,
    /// Largest residual |C v - l v| / l of a component: 0 for an exact decomposition.
    pub residual: f64,
}

impl Pca {
    /// Returns the share of the total variance along each component.
    pub fn explained_variance_ratio(&self) -> Vec<f64> {
        let total = self.total_variance.max(f64::MIN_POSITIVE);
        self.explained_variance.iter().map(|variance| variance / total).collect()
    }

    /// Returns the coordinates [n, k] of other rows `x` [n, p] along these components.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape): another number of columns; [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn project(&self, x: &impl Rows) -> Result<Matrix> {
        same("columns", x.n_cols(), self.mean.len())?;
        x.check_finite()?;
        let width = self.scores.n_cols();
        Ok(scores(x, &self.mean, &Panel::new(self.loadings.clone(), self.mean.len(), width)))
    }
}

/// Returns the first `k` principal components of the rows of `x` [n, p].
///
/// ```
/// use mfdoom_matrix::{Matrix, pca};
/// # fn main() -> mfdoom_matrix::Result<()> {
/// let x = Matrix::new(vec![1.0, 2.0, 2.0, 4.0, 3.0, 6.0], 3, 2)?;
/// let found = pca(&x, 1, 0)?;
/// assert!((found.explained_variance[0] - 5.0).abs() < 1e-12);
/// assert!((found.scores.row(2)[0] - 5f32.sqrt()).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew): fewer than two rows, or fewer than `k` rows or columns;
/// [`Error::NotFinite`](crate::Error::NotFinite).
pub fn pca(x: &impl Rows, k: usize, seed: u64) -> Result<Pca> {
    at_least("components", k, 1)?;
    at_least("cells", x.n_rows(), k.max(2))?;
    at_least("columns", x.n_cols(), k)?;
    x.check_finite()?;
    let scatter = Scatter::new(x);
    let mut found = krylov::leading(&scatter, k, seed);
    point_upwards(&mut found.vectors);
    let degrees = (x.n_rows() - 1) as f64;
    Ok(Pca {
        scores: scores(x, scatter.mean(), &found.vectors),
        explained_variance: found.values.iter().map(|value| value.max(0.0) / degrees).collect(),
        total_variance: scatter.trace() / degrees,
        residual: found.residual,
        mean: scatter.mean().to_vec(),
        loadings: found.vectors.into_data(),
    })
}

fn point_upwards(vectors: &mut Panel) {
    let (n, width) = (vectors.n_rows(), vectors.width());
    for column in 0..width {
        let mut largest = 0.0f64;
        for row in 0..n {
            let loading = vectors.row(row)[column];
            // Strictly larger by more than rounding: between equals the first decides.
            if loading.abs() > largest.abs() * (1.0 + 1e-9) {
                largest = loading;
            }
        }
        if largest < 0.0 {
            (0..n).for_each(|row| vectors.row_mut(row)[column] *= -1.0);
        }
    }
}

fn scores(x: &impl Rows, mean: &[f64], vectors: &Panel) -> Matrix {
    let k = vectors.width();
    let of_mean = scatter::mean_image(mean, vectors);
    let mut data = vec![0.0f32; x.n_rows() * k];
    data.par_chunks_mut(k).enumerate().for_each(|(row, scores)| {
        let mut image = vec![0.0; k];
        scatter::row_image(x, row, vectors, &of_mean, &mut image);
        scores.iter_mut().zip(image).for_each(|(score, value)| *score = value as f32);
    });
    Matrix::new(data, x.n_rows(), k).unwrap_or_default()
}
