//! Where paths end and in which order they pass the cells.

use std::collections::BTreeMap;

use mfdoom_metrics::{bootstrap, bootstrap_mean};

use crate::scores::{Estimate, Kind, Name, Outcome, Place, Scores};

const FATES: &str = "Fates";
const ORDER: &str = "Order";

const SHARE: Name = Name::plain("fate_share", FATES, "share of fates");
const ARRIVED: Name = Name::plain("arrived", FATES, "arrived");
const REACHED: Name = Name::plain("reached", FATES, "reached");
const FIRST: Name = Name::plain("first_fate_share", FATES, "share of fates reached first");
const DISTANCE: Name = Name::low("fate_distance", FATES, "distance to the observed shares");
const SPEARMAN: Name = Name::high("pseudotime_spearman", ORDER, "Spearman of step and pseudotime");
const GAIN: Name = Name::high("pseudotime_gain", ORDER, "pseudotime, last less first");

/// Paths of one kind: the labels and the pseudotime of the cells that each passes.
pub(super) struct Paths<'a> {
    pub(super) head: &'a str,
    pub(super) kind: Kind,
    /// Label of the last cell of each path.
    pub(super) ends: Vec<Option<&'a str>>,
    /// Fate that each path reaches first.
    pub(super) first: Vec<Option<&'a str>>,
    /// Pseudotime along each path.
    pub(super) times: Vec<Vec<f64>>,
}

/// Returns the share of each of some labels among those that are one of them; 0 of none.
pub(super) fn shares<'a>(found: impl Iterator<Item = &'a str>, labels: &[String]) -> BTreeMap<String, f64> {
    let mut counts: BTreeMap<String, f64> = labels.iter().map(|label| (label.clone(), 0.0)).collect();
    found.for_each(|label| {
        if let Some(count) = counts.get_mut(label) {
            *count += 1.0;
        }
    });
    let total: f64 = counts.values().sum();
    counts.values_mut().for_each(|count| *count /= total.max(1.0));
    counts
}

/// Returns half the sum of differences between shares of the same labels.
fn distance(a: &BTreeMap<String, f64>, b: &BTreeMap<String, f64>) -> f64 {
    a.iter().map(|(label, share)| (share - b.get(label).unwrap_or(&0.0)).abs()).sum::<f64>() / 2.0
}

impl Paths<'_> {
    /// Adds the scores of these paths, of which fates are among `labels`.
    pub(super) fn score(
        &self,
        labels: &[String],
        observed: &BTreeMap<String, f64>,
        seed: u64,
        to: &mut Scores,
    ) {
        let n = self.ends.len();
        let place = Place::new("all", self.head, n).kind(self.kind);
        let is_end = |end: &Option<&str>| end.is_some_and(|end| labels.iter().any(|label| label == end));
        let arrived: Vec<f64> = self.ends.iter().map(|end| f64::from(u8::from(is_end(end)))).collect();
        to.push(&place, ARRIVED, mean(&arrived, seed));
        let reached: Vec<f64> = self.first.iter().map(|first| f64::from(u8::from(first.is_some()))).collect();
        to.push(&place, REACHED, mean(&reached, seed));
        let of = |drawn: &dyn Fn(usize) -> usize| {
            let ends = (0..n).flat_map(|path| std::iter::repeat_n(self.ends[path], drawn(path))).flatten();
            distance(&shares(ends, labels), observed)
        };
        let interval = bootstrap(n, seed, |drawn| of(&|path| drawn[path] as usize));
        let any = arrived.iter().any(|here| *here > 0.0);
        to.push(
            &place,
            DISTANCE,
            match any {
                true => Ok(Estimate::new(of(&|_| 1), interval)),
                false => Err("none ended at a terminal label".to_owned()),
            },
        );
        let orders: Vec<f64> = self.times.iter().filter_map(|times| spearman(times)).collect();
        to.push(&place, SPEARMAN, mean(&orders, seed));
        let gain = |times: &Vec<f64>| Some(times.last()? - times.first()?).filter(|gain| gain.is_finite());
        to.push(&place, GAIN, mean(&self.times.iter().filter_map(gain).collect::<Vec<_>>(), seed));
        for (name, fates) in [(SHARE, &self.ends), (FIRST, &self.first)] {
            let any = fates.iter().any(is_end);
            for (label, share) in shares(fates.iter().copied().flatten(), labels) {
                let place = Place { set: label, ..place.clone() };
                let none = || "none arrived".to_owned();
                to.push(&place, name, any.then(|| Estimate::plain(share)).ok_or_else(none));
            }
        }
    }
}

/// Adds the shares of the observed cells.
pub(super) fn score_observed(observed: &BTreeMap<String, f64>, n: usize, to: &mut Scores) {
    for (label, share) in observed {
        let place = Place::new(label, "observed", n).kind(Kind::Control);
        to.push(&place, SHARE, Ok(Estimate::plain(*share)));
    }
}

fn mean(values: &[f64], seed: u64) -> Outcome {
    match values.is_empty() {
        true => Err("no path has a pseudotime that varies".to_owned()),
        false => {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            Ok(Estimate::new(mean, bootstrap_mean(values, seed)))
        }
    }
}

/// Returns Spearman's correlation of values with their order; none of fewer than three, or where they are all equal.
fn spearman(values: &[f64]) -> Option<f64> {
    let finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    let n = finite.len();
    let ranks: Vec<f64> = finite.iter().map(|x| rank(&finite, *x)).collect();
    let middle = (n as f64 - 1.0) / 2.0;
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (at, rank) in ranks.iter().enumerate() {
        let (x, y) = (at as f64 - middle, rank - middle);
        (xy, xx, yy) = (xy + x * y, xx + x * x, yy + y * y);
    }
    (n > 2 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

/// Returns the rank of a value from 0, equal ones in the middle of their places.
fn rank(values: &[f64], x: f64) -> f64 {
    let (below, equal) = values.iter().fold((0.0, 0.0), |(below, equal), other| {
        (below + f64::from(u8::from(*other < x)), equal + f64::from(u8::from(*other == x)))
    });
    below + (equal - 1.0) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_leave_out_other_labels_and_distances_are_total_variation() {
        let labels = ["a".to_owned(), "b".to_owned()];
        let found = shares(["a", "x", "a", "b", "a"].into_iter(), &labels);
        assert_eq!(found.values().copied().collect::<Vec<_>>(), [0.75, 0.25]);
        let other = shares(["b"].into_iter(), &labels);
        assert_eq!(distance(&found, &other), 0.75);
    }

    #[test]
    fn spearman_is_that_of_ranks_with_ties_in_the_middle() {
        assert_eq!(spearman(&[0.1, 0.4, 0.9]), Some(1.0));
        assert_eq!(spearman(&[3.0, 2.0, 1.0]), Some(-1.0));
        // scipy.stats.spearmanr([0, 1, 2, 3], [1, 1, 2, 0]) gives -0.316228
        assert!((spearman(&[1.0, 1.0, 2.0, 0.0]).unwrap() + 0.316228).abs() < 1e-6);
        assert_eq!(spearman(&[1.0, 1.0, 1.0]), None);
    }
}
