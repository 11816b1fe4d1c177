//! Retention: how much of the score from all modalities is left.

use super::super::Metric;
use super::View;
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Heading of what is left from some of the modalities.
pub(crate) const GROUP: &str = "Share of the score from all modalities";

const NAMES: &[Name] = &[
    Name::high("accuracy_retention", GROUP, "accuracy"),
    Name::high("balanced_accuracy_retention", GROUP, "balanced accuracy"),
    Name::high("avg_bio_retention", GROUP, "AvgBIO"),
];
const OF: [&str; 3] = ["accuracy", "balanced_accuracy", "avg_bio"];

/// Score over that of the same head made from all modalities, on the same cells; the interval takes both as independent, which
/// makes it too wide rather than too narrow.
pub(super) struct Retention;

impl Metric<View<'_>> for Retention {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &View<'_>, place: &Place, before: &Scores) -> Vec<Outcome> {
        let share = |key: &str| {
            let Some(whole) = &view.whole else {
                return Err("it is made from all modalities that these cells have".to_owned());
            };
            let (own, all) = (before.estimate(place, key), before.estimate(whole, key));
            let pair = own.zip(all).filter(|(_, all)| all.value > 0.0);
            let share = pair.map(|(own, all)| {
                let share = own.value / all.value;
                Estimate::of_parts(share, &[(1.0 / all.value, own), (-share / all.value, all)])
            });
            share.ok_or_else(|| format!("{key} cannot be computed"))
        };
        OF.map(share).to_vec()
    }
}
