//! Maximum mean discrepancy.

use mfdoom_matrix::{Matrix, subsample};
use mfdoom_metrics::mmd;

use super::super::Metric;
use super::{Samples, TOGETHER};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Halves of the cells whose spread gives the interval.
const HALVES: u64 = 6;

const NAMES: &[Name] = &[Name::low("mmd", TOGETHER, "MMD²")];

/// Squared discrepancy with Gaussian kernels around the median distance; about 0 of equal distributions.
pub(super) struct Mmd;

impl Metric<Samples> for Mmd {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &Samples, _: &Place, _: &Scores) -> Vec<Outcome> {
        let half = |x: &Matrix, seed: u64| {
            x.select_rows(&subsample(x.n_rows(), x.n_rows() / 2, view.seed ^ (seed + 1)))
        };
        let of_half = |at: u64| mmd(&half(&view.real, at), &half(&view.generated, at)).ok();
        vec![mmd(&view.real, &view.generated).map_err(|error| error.to_string()).map(|value| {
            let halves: Vec<f64> = (0..HALVES).filter_map(of_half).collect();
            Estimate::of_folds(value, &halves)
        })]
    }
}
