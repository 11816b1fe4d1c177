//! Label transfer: can the label of a cell be read off its nearest neighbours?
//!
//! Every cell is predicted once, from the cells outside its fold. Accuracy is the share of cells predicted
//! rightly; balanced accuracy the mean over labels of the share of that label's cells (Brodersen et al. 2010).

use mfdoom_matrix::error::{Result, at_least, same};
use mfdoom_matrix::{Matrix, Metric, Neighbors, knn_between};

use crate::folds::Folds;

/// Scores of a label transfer.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelTransfer {
    /// Share of cells predicted rightly.
    pub accuracy: f64,
    /// Mean over labels of the share of their cells predicted rightly.
    pub balanced_accuracy: f64,
    /// The same within each fold.
    pub folds: Vec<FoldScore>,
    /// Predicted label of every cell.
    pub predicted: Vec<u32>,
    /// Cells whose label no cell of another fold bears: they vote, but are in no score.
    pub unscored: usize,
}

/// Scores of one fold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoldScore {
    /// Cells scored.
    pub n: usize,
    /// Share of cells predicted rightly.
    pub accuracy: f64,
    /// Mean over the labels of this fold.
    pub balanced_accuracy: f64,
}

/// Predicts the label of every row of `x` [n, d] by majority among its `k` nearest (Euclidean) in the other folds.
///
/// These are read off the nearest other cells `near`, whatever fold they are in, where enough of them are in other
/// folds, and searched for where not. Labels with equally many votes are told apart by the smaller sum of distances,
/// then by code.
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew): fewer than two labels, or fewer than `k` cells outside a fold;
/// [`Error::NotFinite`](crate::Error::NotFinite); [`Error::Shape`](crate::Error::Shape).
pub fn label_transfer(
    x: &Matrix,
    near: &Neighbors,
    labels: &[u32],
    folds: &Folds,
    k: usize,
) -> Result<LabelTransfer> {
    same("labels", labels.len(), x.n_rows())?;
    same("cells in folds", folds.of_row().len(), x.n_rows())?;
    same("cells with neighbours", near.n_rows(), x.n_rows())?;
    at_least("labels", labels.iter().collect::<std::collections::BTreeSet<_>>().len(), 2)?;
    let n_labels = labels.iter().max().map_or(0, |&label| label as usize + 1);
    let mut predicted = vec![0; labels.len()];
    let mut total = Tally::new(n_labels);
    let mut scores = Vec::with_capacity(folds.len());
    let mut unscored = 0;
    for fold in 0..folds.len() {
        let (train, test) = folds.split(fold);
        at_least("cells outside a fold", train.len(), k)?;
        let mut known = vec![false; n_labels];
        train.iter().for_each(|&row| known[labels[row] as usize] = true);
        let mut open = Vec::new();
        for &row in &test {
            let others = near.indices(row).iter().zip(near.distances(row));
            let votes: Vec<(u32, f64)> = others
                .filter(|(other, _)| folds.of_row()[**other as usize] != fold)
                .take(k)
                .map(|(&other, &distance)| (labels[other as usize], f64::from(distance)))
                .collect();
            match votes.len() < k {
                true => open.push(row),
                false => predicted[row] = majority(votes.into_iter()),
            }
        }
        if !open.is_empty() {
            let trained: Vec<u32> = train.iter().map(|&row| labels[row]).collect();
            let found = vote(&x.select_rows(&open), &x.select_rows(&train), &trained, k)?;
            open.iter().zip(found).for_each(|(&row, label)| predicted[row] = label);
        }
        let mut tally = Tally::new(n_labels);
        for &row in &test {
            match known[labels[row] as usize] {
                true => tally.count(labels[row], predicted[row]),
                false => unscored += 1,
            }
        }
        scores.push(tally.score());
        total.add(&tally);
    }
    let FoldScore { accuracy, balanced_accuracy, .. } = total.score();
    Ok(LabelTransfer { accuracy, balanced_accuracy, folds: scores, predicted, unscored })
}

/// Returns the label of each row of `x` [n, d] by majority among its `k` nearest references [m, d].
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew): fewer than `k` references; [`Error::NotFinite`](crate::Error::NotFinite);
/// [`Error::Shape`](crate::Error::Shape).
pub fn vote(x: &Matrix, references: &Matrix, labels: &[u32], k: usize) -> Result<Vec<u32>> {
    same("labels", labels.len(), references.n_rows())?;
    let near = knn_between(x, references, k, Metric::Euclidean)?;
    let of_row = |row: usize| {
        let votes = near.indices(row).iter().map(|&index| labels[index as usize]);
        majority(votes.zip(near.distances(row).iter().map(|&distance| f64::from(distance))))
    };
    Ok((0..x.n_rows()).map(of_row).collect())
}

/// Scores predicted labels; labels that `known` does not hold are in no score.
pub fn score_labels(labels: &[u32], predicted: &[u32], known: &[u32]) -> FoldScore {
    let n_labels = labels.iter().chain(predicted).max().map_or(0, |&label| label as usize + 1);
    let mut tally = Tally::new(n_labels);
    let known: std::collections::BTreeSet<u32> = known.iter().copied().collect();
    let pairs = labels.iter().zip(predicted).filter(|(label, _)| known.contains(label));
    pairs.for_each(|(&label, &predicted)| tally.count(label, predicted));
    tally.score()
}

/// Returns the label with the most votes.
fn majority(votes: impl Iterator<Item = (u32, f64)>) -> u32 {
    let mut counts: Vec<(u32, usize, f64)> = Vec::new();
    for (label, distance) in votes {
        match counts.iter_mut().find(|count| count.0 == label) {
            Some(count) => *count = (label, count.1 + 1, count.2 + distance),
            None => counts.push((label, 1, distance)),
        }
    }
    let best = counts.iter().min_by(|a, b| b.1.cmp(&a.1).then(a.2.total_cmp(&b.2)).then(a.0.cmp(&b.0)));
    best.map_or(0, |best| best.0)
}

/// Right predictions and cells per label.
struct Tally {
    right: Vec<usize>,
    all: Vec<usize>,
}

impl Tally {
    fn new(n_labels: usize) -> Self {
        Self { right: vec![0; n_labels], all: vec![0; n_labels] }
    }

    fn count(&mut self, label: u32, predicted: u32) {
        self.all[label as usize] += 1;
        self.right[label as usize] += usize::from(label == predicted);
    }

    fn add(&mut self, other: &Self) {
        self.right.iter_mut().zip(&other.right).for_each(|(own, more)| *own += more);
        self.all.iter_mut().zip(&other.all).for_each(|(own, more)| *own += more);
    }

    fn score(&self) -> FoldScore {
        let n: usize = self.all.iter().sum();
        let share = |right: usize, all: usize| right as f64 / all as f64;
        let seen: Vec<f64> = (self.right.iter().zip(&self.all))
            .filter(|&(_, &all)| all > 0)
            .map(|(&right, &all)| share(right, all))
            .collect();
        FoldScore {
            n,
            accuracy: share(self.right.iter().sum(), n),
            balanced_accuracy: seen.iter().sum::<f64>() / seen.len() as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::majority;

    #[test]
    fn equal_votes_go_to_the_nearer_label() {
        assert_eq!(majority([(0, 1.0), (1, 0.1), (0, 1.0), (1, 3.0)].into_iter()), 0);
        assert_eq!(majority([(0, 1.0), (1, 0.1), (0, 1.0), (1, 0.3)].into_iter()), 1);
        assert_eq!(majority([(2, 1.0), (1, 1.0)].into_iter()), 1);
        assert_eq!(majority([(5, 9.0), (1, 0.1), (5, 9.0)].into_iter()), 5);
    }
}
