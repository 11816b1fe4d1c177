//! Means of other scores.

use super::super::Metric;
use super::{BATCHES, BIOLOGY, View};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

const AVG_BIO: &[Name] = &[Name::high("avg_bio", BIOLOGY, "AvgBIO")];
const TOTAL: &[Name] = &[Name::high("total", BATCHES, "total")];
const KEPT: &[&str] = &["nmi", "ari", "asw_label", "clisi"];
const MIXED: &[&str] = &["graph_connectivity", "asw_batch", "pcr_comparison", "ilisi", "kbet"];
/// Weight of what tells how well labels are kept.
const WEIGHT: f64 = 0.6;

/// Mean of NMI, ARI and label silhouette (Kedzierska et al. 2025).
pub(super) struct AvgBio;

/// .6 times the mean of the scores of labels and .4 times that of the scores of batches (Luecken et al. 2022); a score
/// that cannot be computed takes no part.
pub(super) struct Total;

impl Metric<View<'_>> for AvgBio {
    fn names(&self) -> &'static [Name] {
        AVG_BIO
    }

    fn score(&self, _: &View<'_>, place: &Place, before: &Scores) -> Vec<Outcome> {
        let parts = &KEPT[..3];
        let values: Vec<f64> = parts.iter().filter_map(|key| before.value(place, key)).collect();
        vec![match values.len() == parts.len() {
            true => Ok(Estimate::plain(mean(&values))),
            false => Err("one of its parts cannot be computed".to_owned()),
        }]
    }
}

impl Metric<View<'_>> for Total {
    fn names(&self) -> &'static [Name] {
        TOTAL
    }

    fn score(&self, view: &View<'_>, place: &Place, before: &Scores) -> Vec<Outcome> {
        let of = |keys: &[&str]| keys.iter().filter_map(|key| before.value(place, key)).collect::<Vec<f64>>();
        let (kept, mixed) = (of(KEPT), of(MIXED));
        vec![view.two_batches().and_then(|_| match kept.is_empty() || mixed.is_empty() {
            true => Err("its parts cannot be computed".to_owned()),
            false => Ok(Estimate::plain(WEIGHT * mean(&kept) + (1.0 - WEIGHT) * mean(&mixed))),
        })]
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
