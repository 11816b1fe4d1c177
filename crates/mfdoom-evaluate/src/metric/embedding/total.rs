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
        let parts = found(&KEPT[..3], place, before);
        vec![match parts.len() == 3 {
            true => Ok(mean(&[(1.0, parts)])),
            false => Err("one of its parts cannot be computed".to_owned()),
        }]
    }
}

impl Metric<View<'_>> for Total {
    fn names(&self) -> &'static [Name] {
        TOTAL
    }

    fn score(&self, view: &View<'_>, place: &Place, before: &Scores) -> Vec<Outcome> {
        let (kept, mixed) = (found(KEPT, place, before), found(MIXED, place, before));
        vec![view.two_batches().and_then(|_| match kept.is_empty() || mixed.is_empty() {
            true => Err("its parts cannot be computed".to_owned()),
            false => Ok(mean(&[(WEIGHT, kept), (1.0 - WEIGHT, mixed)])),
        })]
    }
}

fn found(keys: &[&str], place: &Place, before: &Scores) -> Vec<Estimate> {
    keys.iter().filter_map(|key| before.estimate(place, key)).collect()
}

/// Returns the weighted sum of the means of groups, with the interval that those of the parts give.
fn mean(groups: &[(f64, Vec<Estimate>)]) -> Estimate {
    let weighed = groups.iter().flat_map(|(weight, parts)| {
        let weight = weight / parts.len() as f64;
        parts.iter().map(move |part| (weight, *part))
    });
    let parts: Vec<(f64, Estimate)> = weighed.collect();
    Estimate::of_parts(parts.iter().map(|(weight, part)| weight * part.value).sum(), &parts)
}
