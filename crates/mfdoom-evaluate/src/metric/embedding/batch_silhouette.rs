//! Silhouette of the batches within labels.

use mfdoom_metrics::{batch_silhouettes, mean_of_labels};

use super::super::{Metric, Times, estimate};
use super::label_silhouette::drawn;
use super::{BATCHES, View};
use crate::scores::{Name, Outcome, Place, Scores};

const NAMES: &[Name] = &[Name::high("asw_batch", BATCHES, "ASW batch")];

/// Mean over labels of the mean over cells of 1 - |silhouette of the batches|.
pub(super) struct BatchSilhouette;

impl Metric<View<'_>> for BatchSilhouette {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        vec![view.two_batches().and_then(|batches| {
            let (x, rows) = drawn(view);
            let of = |codes: &[u32]| rows.iter().map(|&row| codes[row]).collect::<Vec<u32>>();
            let (labels, batches) = (of(view.labels), of(batches));
            let found = batch_silhouettes(&x, &labels, &batches).map_err(|error| error.to_string())?;
            if found.iter().all(|value| value.is_nan()) {
                return Err("no label has two cells of one batch and another batch next to it".to_owned());
            }
            let mean = |times: Times<'_>| mean_of_labels(&found, &labels, times);
            Ok(estimate(labels.len(), view.settings.seed, mean))
        })]
    }
}
