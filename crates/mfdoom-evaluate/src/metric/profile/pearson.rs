//! Pearson's correlation of each gene over cells.

use mfdoom_metrics::bootstrap_median;
use mfdoom_metrics::velocity::{gene_correlations, quartiles};

use super::super::{Metric, none};
use super::Profile;
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

const NAMES: &[Name] = &[
    Name::high("pearson", "Profile", "Pearson, median"),
    Name::high("pearson_q25", "Profile", "first quartile"),
    Name::high("pearson_q75", "Profile", "third quartile"),
    Name::plain("genes", "Profile", "genes that vary"),
];

/// Median and quartiles over the genes that vary, of ln(1 + 1e4 x share) or, of proteins, centred log-ratios; 0 of a
/// constant prediction. The interval is over genes.
pub(super) struct Pearson;

impl Metric<Profile<'_>> for Pearson {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &Profile<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        let genes: Vec<f64> = match gene_correlations(view.values, view.observed) {
            Ok(genes) => genes.into_iter().flatten().collect(),
            Err(error) => return none(NAMES, error),
        };
        let Some(found) = quartiles(genes.iter().copied()) else {
            return none(NAMES, "no gene varies over the scored cells");
        };
        vec![
            Ok(Estimate::new(found.median, bootstrap_median(&genes, view.seed))),
            Ok(Estimate::plain(found.q25)),
            Ok(Estimate::plain(found.q75)),
            Ok(Estimate::plain(genes.len() as f64)),
        ]
    }
}
