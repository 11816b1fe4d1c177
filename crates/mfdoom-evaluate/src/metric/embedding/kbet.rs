//! kBET within labels.

use mfdoom_matrix::connectivities;
use mfdoom_metrics::{KBET_NEAREST, kbet, mean_of_labels};

use super::super::{Metric, Times, estimate};
use super::{BATCHES, View};
use crate::scores::{Name, Outcome, Place, Scores};

const NAMES: &[Name] = &[Name::high("kbet", BATCHES, "kBET")];

/// Mean over labels of the share of cells whose neighbourhood holds the batches in the shares of the label.
pub(super) struct Kbet;

impl Metric<View<'_>> for Kbet {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        vec![view.two_batches().and_then(|batches| {
            let graph = connectivities(&view.near(KBET_NEAREST - 1)?);
            let found = kbet(&graph, view.labels, batches).map_err(|error| error.to_string())?;
            let (mut values, mut labels) = (Vec::new(), Vec::new());
            for (label, cells) in found.iter().enumerate() {
                for &accepted in cells.iter().flatten() {
                    values.push(f64::from(u8::from(accepted)));
                    labels.push(label as u32);
                }
            }
            if values.is_empty() {
                return Err("no label has ten cells of two batches".to_owned());
            }
            let mean = |times: Times<'_>| mean_of_labels(&values, &labels, times);
            Ok(estimate(values.len(), view.settings.seed, mean))
        })]
    }
}
