//! Retrieval: is the same cell among the nearest of the other embedding?

use mfdoom_matrix::{Metric as Distance, median};
use mfdoom_metrics::{bootstrap, bootstrap_mean, retrieval};

use super::super::{Metric, none};
use super::{Pair, RETRIEVAL};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

const NAMES: &[Name] = &[
    Name::high("recall_at_1", RETRIEVAL, "R@1"),
    Name::high("recall_at_5", RETRIEVAL, "R@5"),
    Name::high("recall_at_10", RETRIEVAL, "R@10"),
    Name::low("median_rank", RETRIEVAL, "median rank"),
    Name::low("foscttm", RETRIEVAL, "FOSCTTM"),
];

/// Places at which the curve is drawn.
const CURVE: &[usize] = &[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

/// Share of cells found among the first 1, 5, 10, median rank, and the mean share of cells closer than the true match;
/// by cosine, mean of both directions.
pub(super) struct Retrieval;

impl Metric<Pair<'_>> for Retrieval {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, pair: &Pair<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        let found = match retrieval(pair.first, pair.second, Distance::Cosine) {
            Ok(found) => found,
            Err(error) => return none(NAMES, error),
        };
        let mean = |cells: Vec<f64>| {
            let value = cells.iter().sum::<f64>() / cells.len() as f64;
            Ok(Estimate::new(value, bootstrap_mean(&cells, pair.seed)))
        };
        pair.curve.get_or_init(|| {
            let share = |&k: &usize| (k, found.recall(k).iter().sum::<f64>() / pair.first.n_rows() as f64);
            CURVE.iter().filter(|k| **k <= pair.first.n_rows()).map(share).collect()
        });
        let ranks: [Vec<f64>; 2] = [&found.forward, &found.backward].map(|places| places.ranks().collect());
        let again = |drawn: &[u32]| {
            let of = |ranks: &Vec<f64>| {
                let times = ranks.iter().zip(drawn);
                let mut all: Vec<f64> = times.flat_map(|(&rank, &n)| (0..n).map(move |_| rank)).collect();
                median(&mut all).unwrap_or(f64::NAN)
            };
            (of(&ranks[0]) + of(&ranks[1])) / 2.0
        };
        let rank = Estimate::new(found.median_rank(), bootstrap(pair.first.n_rows(), pair.seed, again));
        vec![
            mean(found.recall(1)),
            mean(found.recall(5)),
            mean(found.recall(10)),
            Ok(rank),
            mean(found.closer()),
        ]
    }
}
