//! Silhouette of the labels.

use mfdoom_matrix::Matrix;
use mfdoom_matrix::subsample;
use mfdoom_metrics::{bootstrap_mean, silhouettes};

use super::super::Metric;
use super::{BIOLOGY, View};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Most cells that take part, drawn by the seed: cost grows with the square.
pub(super) const MOST: usize = 20_000;

const NAMES: &[Name] = &[Name::high("asw_label", BIOLOGY, "ASW label")];

/// (s + 1) / 2 of the mean silhouette s, Euclidean.
pub(super) struct LabelSilhouette;

impl Metric<View<'_>> for LabelSilhouette {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        vec![view.need_labels().and_then(|()| {
            let (x, rows) = drawn(view);
            let labels: Vec<u32> = rows.iter().map(|&row| view.labels[row]).collect();
            let found = silhouettes(&x, &labels).map_err(|error| error.to_string())?;
            let scaled: Vec<f64> = found.into_iter().map(|value| (value + 1.0) / 2.0).collect();
            let mean = scaled.iter().sum::<f64>() / scaled.len() as f64;
            Ok(Estimate::new(mean, bootstrap_mean(&scaled, view.settings.seed)))
        })]
    }
}

/// Returns the cells that take part, and their rows.
pub(super) fn drawn(view: &View<'_>) -> (Matrix, Vec<usize>) {
    let rows = subsample(view.vectors.n_rows(), MOST, view.settings.seed);
    (view.vectors.select_rows(&rows), rows)
}
