//! Is the nearest cell of the other embedding of the same type?

use mfdoom_matrix::{Matrix, Metric as Distance, knn_between};
use mfdoom_metrics::bootstrap_mean;

use super::super::Metric;
use super::{Pair, RETRIEVAL};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

const NAMES: &[Name] = &[Name::high("nearest_same_label", RETRIEVAL, "nearest of the same label")];

/// Share of labelled cells whose nearest labelled cell in the other embedding, its own not excepted, bears their label;
/// by cosine, mean of both directions.
pub(super) struct NearestSameLabel;

impl Metric<Pair<'_>> for NearestSameLabel {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, pair: &Pair<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        let rows: Vec<usize> = (0..pair.labels.len()).filter(|&row| pair.labels[row].is_some()).collect();
        if rows.is_empty() {
            return vec![Err("no cell has a label".to_owned())];
        }
        let [first, second] = [pair.first, pair.second].map(|x| x.select_rows(&rows));
        let same = |from: &Matrix, to: &Matrix| -> Result<Vec<f64>, String> {
            let near = knn_between(from, to, 1, Distance::Cosine).map_err(|error| error.to_string())?;
            let label = |at: usize| pair.labels[rows[at]];
            Ok((0..rows.len())
                .map(|at| f64::from(u8::from(label(at) == label(near.indices(at)[0] as usize))))
                .collect())
        };
        let both = same(&first, &second).and_then(|forward| Ok((forward, same(&second, &first)?)));
        vec![both.map(|(forward, backward)| {
            let cells: Vec<f64> = forward.iter().zip(&backward).map(|(a, b)| (a + b) / 2.0).collect();
            let value = cells.iter().sum::<f64>() / cells.len() as f64;
            Estimate::new(value, bootstrap_mean(&cells, pair.seed))
        })]
    }
}
