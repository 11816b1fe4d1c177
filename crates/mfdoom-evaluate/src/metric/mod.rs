//! Every score in a file of its own.
//!
//! A metric names its scores and computes them from a view: one embedding, or a pair of them. To add one, write its
//! file and name it in the list of its view; JSON, parquet, text and report follow from the names.

pub(crate) mod embedding;
pub(crate) mod pair;
pub(crate) mod profile;
pub(crate) mod samples;
#[cfg(test)]
mod test;

pub(crate) use embedding::RETENTION;

use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Scores of what a view shows.
pub(crate) trait Metric<V>: Sync {
    /// Names of the scores, in order.
    fn names(&self) -> &'static [Name];

    /// Returns the scores in the order of the names, or why one cannot be computed.
    fn score(&self, view: &V, place: &Place, before: &Scores) -> Vec<Outcome>;
}

/// Returns the same reason for every name.
pub(crate) fn none(names: &[Name], reason: impl std::fmt::Display) -> Vec<Outcome> {
    vec![Err(reason.to_string()); names.len()]
}

/// Adds every score of a view to the rows.
pub(crate) fn score<V>(metrics: &[&dyn Metric<V>], view: &V, place: &Place, scores: &mut Scores) {
    for metric in metrics {
        let found = metric.score(view, place, scores);
        for (name, outcome) in metric.names().iter().zip(found) {
            scores.push(place, *name, outcome);
        }
    }
}

/// Adds the same reason for every score of the metrics: nothing of this thing can be scored.
pub(crate) fn refuse<V>(metrics: &[&dyn Metric<V>], reason: &str, place: &Place, scores: &mut Scores) {
    for name in metrics.iter().flat_map(|metric| metric.names()) {
        scores.push(place, *name, Err(reason.to_owned()));
    }
}

/// How often each cell counts.
pub(crate) type Times<'a> = &'a dyn Fn(usize) -> f64;

/// Returns a statistic of `n` cells, each counted once, with its bootstrap interval.
pub(crate) fn estimate(n: usize, seed: u64, statistic: impl Fn(Times<'_>) -> f64 + Sync) -> Estimate {
    let interval = mfdoom_metrics::bootstrap(n, seed, |drawn| statistic(&|cell| f64::from(drawn[cell])));
    Estimate::new(statistic(&|_| 1.0), interval)
}
