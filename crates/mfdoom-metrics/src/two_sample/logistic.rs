//! Logistic regression by Newton's method.

use faer::linalg::matmul::matmul;
use faer::linalg::solvers::Solve;
use faer::{Accum, Mat, MatRef, Par, Side};
use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Error, Result, at_least, same};

/// Steps; each doubles the digits that are right.
const STEPS: usize = 30;
const TOLERANCE: f64 = 1e-8;

/// A fitted classifier of two classes on standardised columns, with squared weights as penalty (scikit-learn's C = 1).
#[derive(Clone, Debug)]
pub struct Logistic {
    means: Vec<f64>,
    scales: Vec<f64>,
    /// Weights of the columns, then the intercept.
    weights: Vec<f64>,
}

impl Logistic {
    /// Fits rows `x` [n, d].
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::TooFew`]: other or no rows; [`Error::NotFinite`]; [`Error::Unusable`]: it does not
    /// converge.
    pub fn fit(x: &Matrix, is_positive: &[bool]) -> Result<Self> {
        same("classes", is_positive.len(), x.n_rows())?;
        at_least("rows", x.n_rows(), 2)?;
        x.check_finite()?;
        let (n, d) = (x.n_rows() as f64, x.n_cols());
        let column = |column: usize| (0..x.n_rows()).map(move |row| f64::from(x.row(row)[column]));
        let means: Vec<f64> = (0..d).map(|at| column(at).sum::<f64>() / n).collect();
        let scale = |at: usize| {
            let square = column(at).map(|value| (value - means[at]).powi(2)).sum::<f64>() / n;
            if square > 0.0 { square.sqrt() } else { 1.0 }
        };
        let scales = (0..d).map(scale).collect();
        let mut fitted = Self { means, scales, weights: vec![0.0; d + 1] };
        let mut inputs = Mat::<f64>::zeros(x.n_rows(), d + 1);
        for row in 0..x.n_rows() {
            fitted
                .input(x.row(row))
                .into_iter()
                .enumerate()
                .for_each(|(at, value)| inputs[(row, at)] = value);
        }
        for _ in 0..STEPS {
            if fitted.step(inputs.as_ref(), is_positive)? < TOLERANCE {
                break;
            }
        }
        Ok(fitted)
    }

    /// Takes a Newton step on standardised inputs [n, d + 1] and returns its length.
    fn step(&mut self, inputs: MatRef<'_, f64>, is_positive: &[bool]) -> Result<f64> {
        let (n, d) = (inputs.nrows(), self.weights.len());
        let sums = product(inputs, Mat::from_fn(d, 1, |at, _| self.weights[at]).as_ref());
        let chances: Vec<f64> = (0..n).map(|row| chance(sums[(row, 0)])).collect();
        let errors = Mat::from_fn(n, 1, |row, _| chances[row] - f64::from(u8::from(is_positive[row])));
        let mut slope = product(inputs.transpose(), errors.as_ref());
        let roots: Vec<f64> = chances.iter().map(|chance| (chance * (1.0 - chance)).sqrt()).collect();
        let scaled = Mat::from_fn(n, d, |row, at| roots[row] * inputs[(row, at)]);
        let mut curve = product(scaled.transpose(), scaled.as_ref());
        for i in 0..d {
            if i + 1 < d {
                slope[(i, 0)] += self.weights[i];
                curve[(i, i)] += 1.0;
            }
            curve[(i, i)] += 1e-9;
        }
        let solver = curve
            .llt(Side::Lower)
            .map_err(|_| Error::Unusable("logistic regression does not converge".to_owned()))?;
        let step = solver.solve(&slope);
        self.weights.iter_mut().enumerate().for_each(|(at, weight)| *weight -= step[(at, 0)]);
        Ok((0..d).map(|at| step[(at, 0)].powi(2)).sum::<f64>().sqrt())
    }

    fn input(&self, row: &[f32]) -> Vec<f64> {
        let parts = row.iter().zip(&self.means).zip(&self.scales);
        parts.map(|((&value, mean), scale)| (f64::from(value) - mean) / scale).chain([1.0]).collect()
    }

    /// Returns the chance of the positive class for each row of `x` [n, d].
    pub fn predict(&self, x: &Matrix) -> Vec<f64> {
        let sum = |row: usize| -> f64 {
            self.input(x.row(row)).iter().zip(&self.weights).map(|(value, weight)| value * weight).sum()
        };
        (0..x.n_rows()).map(|row| chance(sum(row))).collect()
    }
}

fn chance(sum: f64) -> f64 {
    1.0 / (1.0 + (-sum).exp())
}

/// Multiplies on one thread, so that threads change nothing.
fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut out = Mat::zeros(a.nrows(), b.ncols());
    matmul(out.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    out
}
