//! Can a classifier tell generated from real cells?

use mfdoom_matrix::{Matrix, subsample};
use mfdoom_metrics::{Forest, Logistic, auroc};

use super::super::Metric;
use super::{Samples, TOGETHER};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Splits into the half that is learnt from and the half that is told apart.
const SPLITS: u64 = 3;

const NAMES: &[Name] = &[
    Name::low("auroc_forest", TOGETHER, "AUROC, random forest"),
    Name::low("auroc_logistic", TOGETHER, "AUROC, logistic"),
];

/// Area under the ROC curve on held-out halves; .5 where nothing tells them apart.
pub(super) struct Auroc;

impl Metric<Samples> for Auroc {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &Samples, _: &Place, _: &Scores) -> Vec<Outcome> {
        let (x, is_generated) = view.stacked();
        let splits: Vec<Split> = (0..SPLITS).map(|at| Split::new(view, at)).collect();
        let over = |found: Result<Vec<f64>, String>| {
            let found = found?;
            Ok(Estimate::of_folds(found.iter().sum::<f64>() / found.len() as f64, &found))
        };
        let forest = splits.iter().map(|split| {
            split.score(&x, &is_generated, |x, classes, test| {
                Ok(Forest::fit(x, classes, view.seed)?.predict(test))
            })
        });
        let logistic = splits.iter().map(|split| {
            split.score(&x, &is_generated, |x, classes, test| Ok(Logistic::fit(x, classes)?.predict(test)))
        });
        vec![over(forest.collect()), over(logistic.collect())]
    }
}

/// Rows that are learnt from, and the others.
struct Split {
    train: Vec<usize>,
    test: Vec<usize>,
}

impl Split {
    /// Draws half of either sample.
    fn new(view: &Samples, at: u64) -> Self {
        let (n, m) = (view.real.n_rows(), view.generated.n_rows());
        let seed = view.seed ^ (at + 1);
        let mut is_train = vec![false; n + m];
        subsample(n, n / 2, seed).into_iter().for_each(|row| is_train[row] = true);
        subsample(m, m / 2, seed).into_iter().for_each(|row| is_train[n + row] = true);
        let (train, test) = (0..n + m).partition(|&row| is_train[row]);
        Self { train, test }
    }

    fn score(
        &self,
        x: &Matrix,
        is_generated: &[bool],
        classify: impl Fn(&Matrix, &[bool], &Matrix) -> mfdoom_metrics::Result<Vec<f64>>,
    ) -> Result<f64, String> {
        let of = |rows: &[usize]| rows.iter().map(|&row| is_generated[row]).collect::<Vec<bool>>();
        let scores = classify(&x.select_rows(&self.train), &of(&self.train), &x.select_rows(&self.test));
        Ok(auroc(&scores.map_err(|error| error.to_string())?, &of(&self.test)))
    }
}
