//! Ridge regression of many targets at once, in closed form.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};

use crate::dense::Matrix;
use crate::eigen::symmetric;
use crate::error::{Result, at_least, same};
use crate::panel::Panel;
use crate::subsample::subsample;

/// Share of the rows that a penalty is fitted on before it is judged on the others.
const INNER_SHARE: f64 = 0.8;

/// A linear map with intercept: minimises |T - X W - b|² + penalty |W|².
#[derive(Clone, Debug, PartialEq)]
pub struct Ridge {
    /// Weights, [n_inputs, n_targets] row by row.
    pub weights: Vec<f64>,
    /// Intercept of each target, [n_targets].
    pub intercept: Vec<f64>,
    /// The penalty.
    pub penalty: f64,
}

impl Ridge {
    /// Fits inputs `x` [n, p] to targets `t` [n, q].
    ///
    /// ```
    /// use mfdoom_matrix::{Matrix, Ridge};
    /// # fn main() -> mfdoom_matrix::Result<()> {
    /// let x = Matrix::new(vec![0.0, 1.0, 2.0], 3, 1)?;
    /// let t = Matrix::new(vec![1.0, 3.0, 5.0], 3, 1)?;
    /// let map = Ridge::fit(&x, &t, 2.0)?;
    /// assert!((map.weights[0] - 1.0).abs() < 1e-12 && (map.intercept[0] - 2.0).abs() < 1e-12);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape): other numbers of rows; [`Error::TooFew`](crate::Error::TooFew): fewer than two rows, no column, or a penalty that
    /// is not positive; [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn fit(x: &Matrix, t: &Matrix, penalty: f64) -> Result<Self> {
        check(x, t, &[penalty])?;
        Ok(Spectrum::new(x, t).solve(penalty))
    }

    /// Fits with the penalty of `penalties` that predicts a fifth of the rows best from the others, drawn by the seed;
    /// then on all rows. Of equally good penalties the first is taken.
    ///
    /// # Errors
    /// Those of [`Ridge::fit`]; [`Error::TooFew`](crate::Error::TooFew) also without penalties.
    pub fn fit_best(x: &Matrix, t: &Matrix, penalties: &[f64], seed: u64) -> Result<Self> {
        check(x, t, penalties)?;
        let n = x.n_rows();
        let fitted = subsample(n, ((n as f64 * INNER_SHARE) as usize).max(1), seed);
        let held: Vec<usize> = (0..n).filter(|row| fitted.binary_search(row).is_err()).collect();
        let inner = Spectrum::new(&x.select_rows(&fitted), &t.select_rows(&fitted));
        let (held_x, held_t) = (x.select_rows(&held), t.select_rows(&held));
        let mut best = (f64::INFINITY, penalties[0]);
        for &penalty in penalties {
            let error = square_error(&inner.solve(penalty).predict(&held_x)?, &held_t);
            if error < best.0 {
                best = (error, penalty);
            }
        }
        Ok(Spectrum::new(x, t).solve(best.1))
    }

    /// Fits with every penalty, for little more than the price of one.
    ///
    /// # Errors
    /// Those of [`Ridge::fit`].
    pub fn fit_each(x: &Matrix, t: &Matrix, penalties: &[f64]) -> Result<Vec<Self>> {
        check(x, t, penalties)?;
        let spectrum = Spectrum::new(x, t);
        Ok(penalties.iter().map(|penalty| spectrum.solve(*penalty)).collect())
    }

    /// Returns the number of inputs.
    pub fn n_inputs(&self) -> usize {
        self.weights.len() / self.intercept.len().max(1)
    }

    /// Predicts the targets [n, q] of inputs `x` [n, p].
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape): another number of columns.
    pub fn predict(&self, x: &Matrix) -> Result<Matrix> {
        same("columns", x.n_cols(), self.n_inputs())?;
        let q = self.intercept.len();
        let weights = Mat::from_fn(x.n_cols(), q, |row, column| self.weights[row * q + column]);
        let x = Panel::new(x.data().iter().map(|&value| f64::from(value)).collect(), x.n_rows(), x.n_cols());
        matrix(x.times(weights.as_ref()), &self.intercept)
    }
}

/// Returns penalties that suit the scale of `x`: 1e-4 to 1e2 times the mean eigenvalue of the scatter matrix, two to
/// a decade.
pub fn penalties_for(x: &Matrix) -> Vec<f64> {
    let (centred, _) = centred(x);
    let trace: f64 = (0..centred.n_rows()).flat_map(|row| centred.row(row)).map(|value| value * value).sum();
    let unit = if trace > 0.0 { trace / x.n_cols() as f64 } else { 1.0 };
    (-8..=4).map(|half| unit * 10f64.powf(f64::from(half) / 2.0)).collect()
}

/// Eigenvectors of the smaller of X'X and XX', from which every penalty is solved at once.
pub(crate) struct Spectrum {
    /// What turns scaled coordinates into weights, [p, k].
    basis: Panel,
    /// Coordinates of the targets, [k, q].
    coordinates: Mat<f64>,
    pub(crate) values: Vec<f64>,
    pub(crate) means: [Vec<f64>; 2],
}

impl Spectrum {
    pub(crate) fn new(x: &Matrix, t: &Matrix) -> Self {
        let ((x, x_mean), (t, t_mean)) = (centred(x), centred(t));
        let means = [x_mean, t_mean];
        let (n, p) = (x.n_rows(), x.width());
        if p <= n {
            // W = Q (L + penalty)^-1 Q' X'T, with X'X = Q L Q'.
            let (values, vectors) = decompose(&x.inner(&x));
            let of_targets = x.inner(&t);
            let mut coordinates = Mat::zeros(p, of_targets.ncols());
            let (left, right) = (vectors.transpose(), of_targets.as_ref());
            matmul(coordinates.as_mut(), Accum::Replace, left, right, 1.0, Par::Seq);
            let basis = Panel::identity(p).times(vectors.as_ref());
            return Self { basis, coordinates, values, means };
        }
        // W = X' Q (L + penalty)^-1 Q' T, with XX' = Q L Q'.
        let across = transposed(&x);
        let (values, vectors) = decompose(&across.inner(&across));
        let coordinates = Panel::identity(n).times(vectors.as_ref()).inner(&t);
        Self { basis: across.times(vectors.as_ref()), coordinates, values, means }
    }

    /// What turns scaled coordinates into weights, [p, k].
    pub(crate) fn basis(&self) -> MatRef<'_, f64> {
        MatRef::from_row_major_slice(self.basis.data(), self.basis.n_rows(), self.basis.width())
    }

    /// Coordinates of the targets with a penalty, [k, q].
    pub(crate) fn scaled(&self, penalty: f64) -> Mat<f64> {
        Mat::from_fn(self.coordinates.nrows(), self.coordinates.ncols(), |row, column| {
            self.coordinates[(row, column)] / (self.values[row].max(0.0) + penalty)
        })
    }

    pub(crate) fn solve(&self, penalty: f64) -> Ridge {
        let scaled = self.scaled(penalty);
        let weights = self.basis.times(scaled.as_ref());
        let [x_mean, t_mean] = &self.means;
        let mut intercept = t_mean.clone();
        for (row, mean) in x_mean.iter().enumerate() {
            intercept.iter_mut().zip(weights.row(row)).for_each(|(sum, weight)| *sum -= mean * weight);
        }
        Ridge { weights: weights.into_data(), intercept, penalty }
    }
}

fn decompose(gram: &Mat<f64>) -> (Vec<f64>, Mat<f64>) {
    let n = gram.nrows();
    symmetric(gram).unwrap_or_else(|| (vec![0.0; n], Mat::identity(n, n)))
}

fn transposed(panel: &Panel) -> Panel {
    let (n, p) = (panel.n_rows(), panel.width());
    let data = (0..p).flat_map(|column| (0..n).map(move |row| panel.row(row)[column])).collect();
    Panel::new(data, p, n)
}

/// Checks what every regression needs.
pub(crate) fn check(x: &Matrix, t: &Matrix, penalties: &[f64]) -> Result<()> {
    same("rows of the targets", t.n_rows(), x.n_rows())?;
    at_least("rows", x.n_rows(), 2)?;
    at_least("columns", x.n_cols().min(t.n_cols()), 1)?;
    at_least("penalties", penalties.len(), 1)?;
    let positive = penalties.iter().filter(|penalty| penalty.is_finite() && **penalty > 0.0).count();
    at_least("positive penalties", positive, penalties.len())?;
    x.check_finite()?;
    t.check_finite()
}

/// Returns the centred rows and the means of the columns.
pub(crate) fn centred(x: &Matrix) -> (Panel, Vec<f64>) {
    let mut mean = vec![0.0; x.n_cols()];
    for row in 0..x.n_rows() {
        mean.iter_mut().zip(x.row(row)).for_each(|(sum, &value)| *sum += f64::from(value));
    }
    mean.iter_mut().for_each(|sum| *sum /= x.n_rows().max(1) as f64);
    let rows = (0..x.n_rows())
        .flat_map(|row| x.row(row).iter().zip(&mean).map(|(&value, mean)| f64::from(value) - mean));
    (Panel::new(rows.collect(), x.n_rows(), x.n_cols()), mean)
}

/// Returns predictions plus the intercept of each target.
pub(crate) fn matrix(predictions: Panel, intercept: &[f64]) -> Result<Matrix> {
    let (n, q) = (predictions.n_rows(), predictions.width());
    let data = predictions.into_data();
    let data = data.iter().enumerate().map(|(at, value)| (value + intercept[at % q]) as f32).collect();
    Matrix::new(data, n, q)
}

fn square_error(found: &Matrix, wanted: &Matrix) -> f64 {
    found.data().iter().zip(wanted.data()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}
