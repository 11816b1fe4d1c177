//! The values that a modality is compared in.

use mfdoom_error::Result;
use mfdoom_matrix::Matrix;

use super::cells::SizedCounts;
use super::score::{failed, shares_of};
use crate::counts::{is_protein, log_ratios};

/// How counts become the values that profiles are correlated in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// ln(1 + 1e4 x share).
    LogShare,
    /// Centred log-ratios, ln(1 + count) less its mean over the features of the cell: antibodies have no common depth.
    LogRatio,
}

impl Scale {
    /// Returns that of a modality.
    pub(super) fn of(modality: &str) -> Self {
        if is_protein(modality) { Self::LogRatio } else { Self::LogShare }
    }

    /// Returns its name in results.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LogShare => "ln(1 + 1e4 x share)",
            Self::LogRatio => "centred log-ratio",
        }
    }

    /// Returns the values [n, features] of counts.
    ///
    /// # Errors
    /// Failed: numbers that do not fit each other, which would be a bug.
    pub(super) fn values(self, counts: &SizedCounts) -> Result<Matrix> {
        match self {
            Self::LogShare => Ok(counts.log_normalised()?.to_dense()),
            Self::LogRatio => Ok(log_ratios(counts.counts.to_dense())),
        }
    }

    /// Returns the values of predicted ln(1 + 1e4 x share) [n, features], of libraries of some sizes [n].
    ///
    /// # Errors
    /// Failed: numbers that do not fit each other, which would be a bug.
    pub(super) fn of_logs(self, log: Matrix, sizes: &[f64]) -> Result<Matrix> {
        match self {
            Self::LogShare => Ok(log),
            Self::LogRatio => {
                let mut counts = shares_of(&log)?;
                for (row, &size) in sizes.iter().enumerate() {
                    counts.row_mut(row).iter_mut().for_each(|share| *share *= size as f32);
                }
                Ok(log_ratios(counts))
            }
        }
    }

    /// Returns the shares that values [n, features] stand for; of log-ratios, which know no library, those that sum to 1.
    ///
    /// # Errors
    /// Failed: numbers that do not fit each other, which would be a bug.
    pub(super) fn shares(self, values: &Matrix) -> Result<Matrix> {
        match self {
            Self::LogShare => shares_of(values),
            Self::LogRatio => {
                let mut data = Vec::with_capacity(values.data().len());
                for row in 0..values.n_rows() {
                    let counts = values.row(row).iter().map(|&value| f64::from(value).exp());
                    let sum: f64 = counts.clone().sum();
                    data.extend(counts.map(|count| (count / sum) as f32));
                }
                Matrix::new(data, values.n_rows(), values.n_cols()).map_err(failed)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;
    use crate::expression::score::log_of;
    use mfdoom_matrix::Matrix;

    #[test]
    fn proteins_are_compared_by_log_ratios() {
        assert_eq!(Scale::of("protein"), Scale::LogRatio);
        assert_eq!(Scale::of("expression"), Scale::LogShare);
        let shares = Matrix::new(vec![0.5, 0.5, 0.0, 1.0], 2, 2).unwrap();
        let values = Scale::LogRatio.of_logs(log_of(&shares).unwrap(), &[8.0, 4.0]).unwrap();
        let half = 5.0f32.ln() / 2.0;
        let wanted = [0.0, 0.0, -half, half];
        assert!(values.data().iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-5));
        let back = Scale::LogRatio.shares(&values).unwrap();
        assert!((back.data()[3] - 5.0 / 6.0).abs() < 1e-5, "{back:?}");
    }
}
