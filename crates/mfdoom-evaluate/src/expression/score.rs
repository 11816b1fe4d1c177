//! Scores of one method's profiles against the counts of the same cells.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Matrix;
use mfdoom_metrics::{self as metrics, MeanGene};

use super::cells::SizedCounts;
use super::scale::Scale;
use crate::metric;
use crate::metric::profile::{self, Profile};
use crate::scores::{Kind, Place, Scores};

/// Total that shares are scaled to before the logarithm.
pub(super) const TARGET: f64 = 1e4;

/// What a method says of the scored cells.
pub(super) struct Method {
    /// Its name in results.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) kind: Kind,
    /// Values on the scale of the modality, [n, genes].
    pub(super) values: Matrix,
    /// Shares of the library, [n, genes].
    pub(super) shares: Matrix,
}

/// The counts that all methods of a modality are scored against.
pub(super) struct Scorer {
    observed: SizedCounts,
    values: Matrix,
    model: MeanGene,
    seed: u64,
}

impl Scorer {
    /// Takes the counts and the mean-gene model with the dispersions.
    ///
    /// # Errors
    /// Failed: numbers that do not fit each other.
    pub(super) fn new(observed: SizedCounts, model: MeanGene, scale: Scale, seed: u64) -> Result<Self> {
        Ok(Self { values: scale.values(&observed)?, observed, model, seed })
    }

    /// Adds the scores of a method to the rows.
    pub(super) fn score(&self, method: &Method, place: Place, scores: &mut Scores) {
        let place = Place { head: method.name.to_owned(), kind: method.kind, ..place };
        let view = Profile {
            values: &method.values,
            shares: &method.shares,
            observed: &self.values,
            counts: &self.observed.counts,
            sizes: &self.observed.sizes,
            model: &self.model,
            seed: self.seed,
        };
        metric::score(&profile::all(), &view, &place, scores);
    }
}

/// Returns shares of ln(1 + 1e4 x share) [n, genes]; 0 of what is below.
pub(super) fn shares_of(log: &Matrix) -> Result<Matrix> {
    mapped(log, |value, _| (f64::from(value).exp_m1() / TARGET).max(0.0))
}

/// Returns ln(1 + 1e4 x share) of shares [n, genes].
pub(super) fn log_of(shares: &Matrix) -> Result<Matrix> {
    mapped(shares, |share, _| (TARGET * f64::from(share)).ln_1p())
}

/// Returns (1 - weight) x shares [n, genes] + weight x the mean shares [genes].
pub(super) fn mixed(shares: &Matrix, mean: &[f64], weight: f64) -> Result<Matrix> {
    mapped(shares, |share, gene| (1.0 - weight) * f64::from(share) + weight * mean[gene])
}

/// Returns a matrix [n, genes] whose rows are all the same.
pub(super) fn constant(row: &[f64], n: usize) -> Result<Matrix> {
    let row: Vec<f32> = row.iter().map(|&value| value as f32).collect();
    Matrix::new(row.repeat(n), n, row.len()).map_err(failed)
}

/// Returns the matrix of a function of value and gene.
pub(super) fn mapped(matrix: &Matrix, of: impl Fn(f32, usize) -> f64) -> Result<Matrix> {
    let genes = matrix.n_cols().max(1);
    let values = matrix.data().iter().enumerate().map(|(at, &value)| of(value, at % genes) as f32);
    Matrix::new(values.collect(), matrix.n_rows(), matrix.n_cols()).map_err(failed)
}

/// Returns the error of numbers that do not fit each other, which would be a bug.
pub(super) fn failed(error: metrics::Error) -> Error {
    Error::failed("the profiles cannot be scored").source(error)
}
