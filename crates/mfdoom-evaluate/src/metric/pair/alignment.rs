//! Alignment: how near are the two vectors of a cell?

use mfdoom_metrics::{alignment, bootstrap_mean};

use super::super::Metric;
use super::Pair;
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

const NAMES: &[Name] = &[Name::low("alignment", "Heads", "alignment")];

/// Mean squared distance of a cell's two unit vectors (Wang and Isola 2020).
pub(super) struct Alignment;

impl Metric<Pair<'_>> for Alignment {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, pair: &Pair<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        vec![alignment(pair.first, pair.second).map_err(|error| error.to_string()).map(|cells| {
            let value = cells.iter().sum::<f64>() / cells.len() as f64;
            Estimate::new(value, bootstrap_mean(&cells, pair.seed))
        })]
    }
}
