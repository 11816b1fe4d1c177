//! How well generated and real cells mix.

use mfdoom_matrix::{Metric as Distance, knn};
use mfdoom_metrics::{bootstrap_mean, lisi};

use super::super::Metric;
use super::{Samples, TOGETHER};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Nearest other cells, and how many of them count.
const NEAREST: usize = 89;
const PERPLEXITY: f64 = 30.0;

const NAMES: &[Name] = &[Name::high("milisi", TOGETHER, "miLISI")];

/// Mean local inverse Simpson's index of real and generated: 1 apart, 2 where every neighbourhood holds both alike.
pub(super) struct Mixing;

impl Metric<Samples> for Mixing {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &Samples, _: &Place, _: &Scores) -> Vec<Outcome> {
        let (x, is_generated) = view.stacked();
        let codes: Vec<u32> = is_generated.iter().map(|&generated| u32::from(generated)).collect();
        let found = knn(&x, NEAREST, Distance::Euclidean).and_then(|near| lisi(&near, &codes, PERPLEXITY));
        vec![found.map_err(|error| error.to_string()).map(|cells| {
            let mean = cells.iter().sum::<f64>() / cells.len() as f64;
            Estimate::new(mean, bootstrap_mean(&cells, view.seed))
        })]
    }
}
