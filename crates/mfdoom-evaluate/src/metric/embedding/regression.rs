//! Principal component regression on the batches.

use mfdoom_matrix::Matrix;
use mfdoom_metrics::principal_component_regression;

use super::super::{Metric, Times, estimate, none};
use super::{BATCHES, View};
use crate::scores::{Name, Outcome, Place, Scores};

const NAMES: &[Name] =
    &[Name::low("pcr", BATCHES, "PCR"), Name::high("pcr_comparison", BATCHES, "PCR comparison")];

/// Share of the variance between batches, and by how much of itself it fell through integration, at least 0.
pub(super) struct Regression;

impl Metric<View<'_>> for Regression {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        let batches = match view.two_batches() {
            Ok(batches) => batches,
            Err(reason) => return none(NAMES, reason),
        };
        let share = |x: &Matrix, times: Times<'_>| {
            principal_component_regression(x, batches, times).unwrap_or(f64::NAN)
        };
        let (n, seed) = (batches.len(), view.settings.seed);
        let comparison = view.before.clone().and_then(|before| {
            let fall = |times: Times<'_>| {
                let was = share(before, times);
                ((was - share(&view.vectors, times)) / was).max(0.0)
            };
            match share(before, &|_| 1.0) > 0.0 {
                true => Ok(estimate(n, seed, fall)),
                false => Err("nothing varies between batches before integration".to_owned()),
            }
        });
        vec![Ok(estimate(n, seed, |times| share(&view.vectors, times))), comparison]
    }
}
