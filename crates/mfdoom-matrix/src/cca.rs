//! Canonical correlation with a ridge: directions of two matrices of the same rows along which they vary together.
//!
//! Vinod 1976: each block's covariance gets a share of its mean variance on the diagonal, so that what hardly varies
//! counts for little.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use crate::dense::Matrix;
use crate::eigen::symmetric;
use crate::error::{Error, Result, at_least, same};

/// Maps of two blocks into one space.
#[derive(Clone, Debug)]
pub struct Cca {
    maps: [Map; 2],
    /// Canonical correlation of each direction, [k], descending.
    pub correlations: Vec<f64>,
}

/// What takes rows of a block into the space.
#[derive(Clone, Debug)]
struct Map {
    mean: Vec<f64>,
    /// Weights, [columns, k].
    weights: Mat<f64>,
}

impl Cca {
    /// Fits `k` directions of the blocks `x` [n, p] and `y` [n, q], as many as there can be if these are fewer; `ridge` is a
    /// share of the mean variance of a block. Coordinates have the correlation of their direction as their size.
    ///
    /// # Errors
    /// [`Error::Shape`]: another number of rows. [`Error::Unusable`]: fewer than three rows, a block that does not vary.
    pub fn fit(x: &Matrix, y: &Matrix, k: usize, ridge: f64) -> Result<Self> {
        same("rows", y.n_rows(), x.n_rows())?;
        at_least("rows", x.n_rows(), 3)?;
        let (x, y) = (Block::new(x, ridge)?, Block::new(y, ridge)?);
        let between = product(product(x.root.as_ref(), x.cross(&y).as_ref()).as_ref(), y.root.as_ref());
        let (values, vectors) =
            symmetric(&product(between.as_ref(), between.transpose())).ok_or_else(unsteady)?;
        let (p, q) = (between.nrows(), between.ncols());
        let k = k.min(p).min(q);
        let left = Mat::from_fn(p, k, |row, at| vectors[(row, at)]);
        let correlations: Vec<f64> =
            values.iter().take(k).map(|value| value.clamp(0.0, 1.0).sqrt()).collect();
        // The directions of the other block have the length of the correlation already.
        let right = product(between.transpose(), left.as_ref());
        let scaled = Mat::from_fn(p, k, |row, at| left[(row, at)] * correlations[at]);
        let maps = [
            Map { mean: x.mean, weights: product(x.root.as_ref(), scaled.as_ref()) },
            Map { mean: y.mean, weights: product(y.root.as_ref(), right.as_ref()) },
        ];
        Ok(Self { maps, correlations })
    }

    /// Returns the coordinates [m, k] of other rows of the first block.
    ///
    /// # Errors
    /// [`Error::Shape`]: another number of columns.
    pub fn first(&self, x: &Matrix) -> Result<Matrix> {
        self.maps[0].apply(x)
    }

    /// Returns the coordinates [m, k] of other rows of the second block.
    ///
    /// # Errors
    /// [`Error::Shape`]: another number of columns.
    pub fn second(&self, y: &Matrix) -> Result<Matrix> {
        self.maps[1].apply(y)
    }
}

impl Map {
    fn apply(&self, x: &Matrix) -> Result<Matrix> {
        same("columns", x.n_cols(), self.mean.len())?;
        let k = self.weights.ncols();
        let mut data = Vec::with_capacity(x.n_rows() * k);
        for row in 0..x.n_rows() {
            let mut sums = vec![0.0; k];
            for (column, (&value, mean)) in x.row(row).iter().zip(&self.mean).enumerate() {
                let centred = f64::from(value) - mean;
                sums.iter_mut()
                    .enumerate()
                    .for_each(|(at, sum)| *sum += centred * self.weights[(column, at)]);
            }
            data.extend(sums.into_iter().map(|sum| sum as f32));
        }
        Matrix::new(data, x.n_rows(), k)
    }
}

/// A block with what makes it white.
struct Block<'a> {
    x: &'a Matrix,
    mean: Vec<f64>,
    /// Inverse square root of the covariance with its ridge, [columns, columns].
    root: Mat<f64>,
}

impl<'a> Block<'a> {
    fn new(x: &'a Matrix, ridge: f64) -> Result<Self> {
        let (n, p) = (x.n_rows(), x.n_cols());
        let mut mean = vec![0.0; p];
        for row in 0..n {
            mean.iter_mut().zip(x.row(row)).for_each(|(sum, &value)| *sum += f64::from(value) / n as f64);
        }
        let mut block = Self { x, mean: mean.clone(), root: Mat::zeros(p, p) };
        let mut covariance = block.cross(&block);
        let variance = (0..p).map(|at| covariance[(at, at)]).sum::<f64>() / p.max(1) as f64;
        let square = mean.iter().map(|mean| mean * mean).sum::<f64>() / p.max(1) as f64;
        if variance.is_nan() || variance <= 1e-24 * square || variance == 0.0 {
            return Err(Error::Unusable("a block does not vary".to_owned()));
        }
        (0..p).for_each(|at| covariance[(at, at)] += (ridge * variance).max(1e-12 * variance));
        let (values, vectors) = symmetric(&covariance).ok_or_else(unsteady)?;
        let least = 1e-12 * variance;
        let scaled = Mat::from_fn(p, p, |row, at| vectors[(row, at)] / values[at].max(least).sqrt());
        block.root = product(scaled.as_ref(), vectors.transpose());
        Ok(block)
    }

    /// Returns the covariance with another block of the same rows, [columns, columns of the other].
    fn cross(&self, other: &Self) -> Mat<f64> {
        let (n, p, q) = (self.x.n_rows(), self.mean.len(), other.mean.len());
        let mut sums = vec![0.0; p * q];
        for row in 0..n {
            let right: Vec<f64> = other.centred(row).collect();
            for (left, sums) in self.centred(row).zip(sums.chunks_exact_mut(q.max(1))) {
                sums.iter_mut().zip(&right).for_each(|(sum, right)| *sum += left * right);
            }
        }
        Mat::from_fn(p, q, |row, at| sums[row * q + at] / (n - 1) as f64)
    }

    fn centred(&self, row: usize) -> impl Iterator<Item = f64> {
        self.x.row(row).iter().zip(&self.mean).map(|(&value, mean)| f64::from(value) - mean)
    }
}

/// Multiplies on one thread, so that threads change nothing.
fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}

fn unsteady() -> Error {
    Error::Unusable("the decomposition did not converge".to_owned())
}
