//! Graph connectivity of the labels.

use mfdoom_metrics::{bootstrap_mean, connected_shares};

use super::super::Metric;
use super::{BATCHES, View};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Nearest other cells in the graph: scib-metrics takes 15 with the cell itself.
const NEAREST: usize = 14;

const NAMES: &[Name] = &[Name::high("graph_connectivity", BATCHES, "graph connectivity")];

/// Mean over labels of the share of the largest strongly connected piece; the interval is over labels.
pub(super) struct GraphConnectivity;

impl Metric<View<'_>> for GraphConnectivity {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        vec![view.near(NEAREST).and_then(|near| {
            let shares = connected_shares(&near, view.labels).map_err(|error| error.to_string())?;
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            Ok(Estimate::new(mean, bootstrap_mean(&shares, view.settings.seed)))
        })]
    }
}
