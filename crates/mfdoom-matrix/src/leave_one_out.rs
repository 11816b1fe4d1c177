//! Ridge regression judged on each row by the others, from one decomposition.

use crate::dense::Matrix;
use crate::error::Result;
use crate::panel::Panel;
use crate::ridge::{Ridge, Spectrum, centred, check, matrix};

/// Regressions of one data set with any penalty, and what each says of a row that takes no part in it.
///
/// The residual of a row left out is its residual over one minus its leverage (Allen 1974), so nothing is fitted twice.
///
/// ```
/// use mfdoom_matrix::{LeaveOneOut, Matrix, Ridge};
/// # fn main() -> mfdoom_matrix::Result<()> {
/// let x = Matrix::new(vec![0.0, 1.0, 2.0, 4.0], 4, 1)?;
/// let t = Matrix::new(vec![1.0, 3.0, 4.0, 9.0], 4, 1)?;
/// let left_out = LeaveOneOut::new(&x, &t, 0.5)?.residuals(0.5)?;
/// let others = Ridge::fit(&x.select_rows(&[1, 2, 3]), &t.select_rows(&[1, 2, 3]), 0.5)?;
/// let said = others.predict(&x.select_rows(&[0]))?;
/// assert!((left_out.row(0)[0] - (1.0 - said.row(0)[0])).abs() < 1e-5);
/// # Ok(())
/// # }
/// ```
pub struct LeaveOneOut {
    spectrum: Spectrum,
    /// Rows in the basis of the decomposition, [n, k].
    rows: Panel,
    /// Targets, [n, q] row by row.
    targets: Vec<f32>,
    /// Whether the decomposition is of the rows' inner products, which are fewer than the columns'.
    across: bool,
}

impl LeaveOneOut {
    /// Decomposes inputs `x` [n, p] once for targets `t` [n, q]; `least` is the least penalty that will be asked for.
    ///
    /// # Errors
    /// Those of [`Ridge::fit`].
    pub fn new(x: &Matrix, t: &Matrix, least: f64) -> Result<Self> {
        check(x, t, &[least])?;
        let spectrum = Spectrum::new(x, t);
        let (x, _) = centred(x);
        let across = x.width() > x.n_rows();
        Ok(Self { rows: x.times(spectrum.basis()), spectrum, targets: t.data().to_vec(), across })
    }

    /// Returns the regression with a penalty, on all rows.
    pub fn ridge(&self, penalty: f64) -> Ridge {
        self.spectrum.solve(penalty)
    }

    /// Returns each row's target less what the other rows' regression says of it, [n, q].
    ///
    /// # Errors
    /// Those of [`Matrix::new`].
    pub fn residuals(&self, penalty: f64) -> Result<Matrix> {
        let n = self.rows.n_rows();
        let scaled = self.spectrum.scaled(penalty);
        let fitted = matrix(self.rows.times(scaled.as_ref()), &self.spectrum.means[1])?;
        let q = fitted.n_cols();
        let mut residuals = Vec::with_capacity(n * q);
        for row in 0..n {
            let free = (1.0 - self.leverage(row, penalty)).max(1e-6);
            let pairs = self.targets[row * q..(row + 1) * q].iter().zip(fitted.row(row));
            residuals.extend(pairs.map(|(t, f)| ((f64::from(*t) - f64::from(*f)) / free) as f32));
        }
        Matrix::new(residuals, n, q)
    }

    /// Returns how much of a row's prediction is its own target.
    pub fn leverage(&self, row: usize, penalty: f64) -> f64 {
        let of = |(z, value): (&f64, &f64)| match self.across {
            false => z * z / (value.max(0.0) + penalty),
            true if *value > 0.0 => z * z / (value * (value + penalty)),
            true => 0.0,
        };
        1.0 / self.rows.n_rows() as f64
            + self.rows.row(row).iter().zip(&self.spectrum.values).map(of).sum::<f64>()
    }
}
