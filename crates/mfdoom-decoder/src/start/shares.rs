//! From fitted log-normalised counts to logarithms of shares.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, Ridge};

use super::Units;
use super::regression::Fit;

/// Part of a gene's mean below which no fitted value is taken: a regression may go below 0.
const FLOOR: f64 = 0.05;
/// Part of the penalty for values that are fitted already, and have no noise.
const PENALTY: f64 = 0.1;

/// Fits the logarithms of the shares that the values of a fit to features `x` `[cells, features]` stand for, against
/// those that the means stand for, in the same units.
///
/// A logarithm is not the deviation from the mean over the mean: where a gene of few cells is ten times its mean, it
/// is ln 10 and not 9. Of a gene's mean m and its fitted value v it is `ln(expm1(v) / expm1(m))`. The intercepts make
/// the mean of each gene's share over the cells that of all training cells.
///
/// # Errors
/// Failed, where the regression does.
pub(super) fn log_shares(fit: Fit, x: &Matrix, units: &Units) -> Result<Fit> {
    let failed = |error| Error::failed("the shares that training starts from").source(error);
    let outputs = units.mean.len();
    let Fit { weights, intercept, penalty, inputs, errors } = fit;
    let fitted = Ridge { weights, intercept, penalty }.predict(x).map_err(failed)?;
    let values = fitted.data().iter().enumerate();
    let logs = values.map(|(at, value)| log_ratio(f64::from(*value), units, at % outputs) as f32).collect();
    let logs = Matrix::new(logs, x.n_rows(), outputs).map_err(failed)?;
    drop(fitted);
    let weights = Ridge::fit(x, &logs, PENALTY * penalty).map_err(failed)?.weights;
    drop(logs);
    let map = Ridge { weights, intercept: vec![0.0; outputs], penalty };
    let logs = map.predict(x).map_err(failed)?;
    let mut sums = vec![0.0; outputs];
    for row in 0..logs.n_rows() {
        let of_gene = sums.iter_mut().zip(logs.row(row)).zip(&units.factor);
        of_gene.for_each(|((sum, value), factor)| *sum += (f64::from(*value) * factor).exp());
    }
    let level = |(sum, factor): (f64, &f64)| -(sum / logs.n_rows() as f64).ln() / factor;
    let intercept = sums.into_iter().zip(&units.factor).map(level).collect();
    Ok(Fit { weights: map.weights, intercept, penalty, inputs, errors })
}

/// Returns the logarithm of a gene's share over its mean's, in its units; 0 of a gene without counts.
fn log_ratio(value: f64, units: &Units, gene: usize) -> f64 {
    let (mean, scale) = (units.mean[gene], units.scale[gene]);
    if mean <= 0.0 {
        return 0.0;
    }
    let value = (mean + value * scale).max(FLOOR * mean);
    (value.exp_m1() / mean.exp_m1()).ln() / units.factor[gene]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gene_of_few_cells_gets_their_share_and_no_more() {
        // One cell in ten has the first gene, at 2; all have the second, at 3; none has the third.
        let x: Vec<f32> = (0..100).map(|cell| if cell % 10 == 0 { 0.9 } else { -0.1 }).collect();
        let x = Matrix::new(x, 100, 1).unwrap();
        let mean = vec![0.2, 3.0, 0.0];
        let scale: Vec<f64> = mean.iter().map(|m: &f64| m.max(0.01).sqrt()).collect();
        let factor = scale.iter().map(|s| 1.0 / s).collect();
        let units = Units { mean, scale, factor, as_logs: true };
        let weights = vec![2.0 / units.scale[0], 0.0, 0.0];
        let (intercept, inputs) = (vec![0.0; 3], x.clone());
        let fit = Fit { weights, intercept, penalty: 1e-6, inputs, errors: Vec::new() };
        let found = log_shares(fit, &x, &units).unwrap();
        let log =
            |x: f64, gene: usize| (found.weights[gene] * x + found.intercept[gene]) * units.factor[gene];
        let step = log(0.9, 0) - log(-0.1, 0);
        let wanted = (2f64.exp_m1() / (0.05f64 * 0.2).exp_m1()).ln();
        assert!((step - wanted).abs() < 1e-4, "{step} found, {wanted} wanted; (2 - 0) / 0.2 = 10 before");
        let level = 0.1 * log(0.9, 0).exp() + 0.9 * log(-0.1, 0).exp();
        assert!((level - 1.0).abs() < 1e-5, "{level}");
        assert!([1, 2].iter().all(|&gene| log(0.9, gene).abs() < 1e-6 && log(-0.1, gene).abs() < 1e-6));
    }
}
