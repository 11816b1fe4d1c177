//! Local inverse Simpson's index of labels and of batches.

use mfdoom_matrix::median;
use mfdoom_metrics::bootstrap_median;

use super::super::Metric;
use super::view::distinct;
use super::{BATCHES, BIOLOGY, View};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

const OF_LABELS: &[Name] = &[Name::high("clisi", BIOLOGY, "cLISI")];
const OF_BATCHES: &[Name] = &[Name::high("ilisi", BATCHES, "iLISI")];

/// (labels - median) / (labels - 1): 1 where every neighbourhood holds one label.
pub(super) struct LabelLisi;

/// (median - 1) / (batches - 1): 1 where every neighbourhood holds all batches alike.
pub(super) struct BatchLisi;

impl Metric<View<'_>> for LabelLisi {
    fn names(&self) -> &'static [Name] {
        OF_LABELS
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        let scaled = |median: f64, n: f64| (n - median) / (n - 1.0);
        vec![view.need_labels().and_then(|()| scaled_median(view, 0, view.labels, scaled))]
    }
}

impl Metric<View<'_>> for BatchLisi {
    fn names(&self) -> &'static [Name] {
        OF_BATCHES
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        let scaled = |median: f64, n: f64| (median - 1.0) / (n - 1.0);
        vec![view.two_batches().and_then(|batches| scaled_median(view, 1, batches, scaled))]
    }
}

/// Returns the median over cells of their scaled index, of the labels (0) or batches (1) that `codes` are.
fn scaled_median(view: &View<'_>, at: usize, codes: &[u32], scaled: impl Fn(f64, f64) -> f64) -> Outcome {
    let n = distinct(codes) as f64;
    let mut cells: Vec<f64> = view.lisi()?[at].iter().map(|&index| scaled(index, n)).collect();
    let interval = bootstrap_median(&cells, view.settings.seed);
    Ok(Estimate::new(median(&mut cells).unwrap_or(f64::NAN), interval))
}
