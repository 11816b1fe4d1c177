//! Uniformity: how evenly the vectors lie on the sphere.

use mfdoom_matrix::subsample;
use mfdoom_metrics::uniformity;

use super::super::Metric;
use super::View;
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Most cells that take part: the mean over their pairs is known well.
const MOST: usize = 5_000;
/// Parts of the cells whose spread gives the interval.
const PARTS: usize = 5;

const NAMES: &[Name] = &[Name::low("uniformity", "Heads", "uniformity")];

/// Logarithm of the mean of exp(-2 d²) over pairs of unit vectors (Wang and Isola 2020); lower is more even.
pub(super) struct Uniformity;

impl Metric<View<'_>> for Uniformity {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        let rows = subsample(view.vectors.n_rows(), MOST, view.settings.seed);
        let of =
            |rows: &[usize]| uniformity(&view.vectors.select_rows(rows)).map_err(|error| error.to_string());
        let part = |part: usize| {
            let rows: Vec<usize> = rows.iter().copied().skip(part).step_by(PARTS).collect();
            of(&rows)
        };
        vec![of(&rows).map(|value| {
            let parts: Vec<f64> = (0..PARTS).filter_map(|at| part(at).ok()).collect();
            Estimate::of_folds(value, &parts)
        })]
    }
}
