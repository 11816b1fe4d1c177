//! Label transfer by logistic regression.

use mfdoom_matrix::{Matrix, subsample};
use mfdoom_metrics::{Logistic, score_labels};
use rayon::prelude::*;

use super::super::{Metric, none};
use super::View;
use super::label_transfer::by_reference;
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Most cells that are learnt from.
const MOST: usize = 4_000;
/// Most values of a vector: time grows with the square.
const WIDEST: usize = 256;

const NAMES: &[Name] = &[
    Name::high("accuracy_logistic", "Label transfer", "accuracy, logistic"),
    Name::high("balanced_accuracy_logistic", "Label transfer", "balanced, logistic"),
];

/// Accuracy and balanced accuracy of the label whose regression against all others gives the highest chance.
pub(super) struct LogisticTransfer;

impl Metric<View<'_>> for LogisticTransfer {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        let width = view.vectors.n_cols();
        if width > WIDEST {
            return none(NAMES, format!("{width} values a cell: at most {WIDEST}"));
        }
        let found = match &view.reference {
            Some(reference) => {
                let asked = view.vectors.select_rows(&reference.asked);
                predict(&reference.vectors, &reference.labels, &asked, view.settings.seed)
                    .and_then(|predicted| by_reference(view, reference, &predicted))
            }
            None => of_folds(view),
        };
        found.map_or_else(|reason| none(NAMES, reason), |found| found.into_iter().map(Ok).collect())
    }
}

fn of_folds(view: &View<'_>) -> Result<[Estimate; 2], String> {
    view.need_labels()?;
    let folds = view.folds.clone()?;
    let of = |rows: &[usize]| rows.iter().map(|&row| view.labels[row]).collect::<Vec<u32>>();
    let (mut labels, mut predicted, mut scores) = (Vec::new(), Vec::new(), Vec::new());
    for fold in 0..folds.len() {
        let (train, test) = folds.split(fold);
        let [known, asked] = [&train, &test].map(|rows| view.vectors.select_rows(rows));
        let found = predict(&known, &of(&train), &asked, view.settings.seed)?;
        scores.push(score_labels(&of(&test), &found, &of(&train)));
        labels.extend(of(&test));
        predicted.extend(found);
    }
    let all = score_labels(&labels, &predicted, view.labels);
    let spread = |of: fn(&mfdoom_metrics::FoldScore) -> f64| scores.iter().map(of).collect::<Vec<_>>();
    Ok([
        Estimate::of_folds(all.accuracy, &spread(|fold| fold.accuracy)),
        Estimate::of_folds(all.balanced_accuracy, &spread(|fold| fold.balanced_accuracy)),
    ])
}

/// Returns the label of each row of `asked` [m, d] that rows [n, d] with labels say.
fn predict(rows: &Matrix, labels: &[u32], asked: &Matrix, seed: u64) -> Result<Vec<u32>, String> {
    let drawn = subsample(rows.n_rows(), MOST, seed);
    let (rows, labels) =
        (rows.select_rows(&drawn), drawn.iter().map(|&row| labels[row]).collect::<Vec<u32>>());
    let mut names = labels.clone();
    names.sort_unstable();
    names.dedup();
    let chances = |&name: &u32| {
        let is_own: Vec<bool> = labels.iter().map(|&label| label == name).collect();
        Logistic::fit(&rows, &is_own).map(|fitted| fitted.predict(asked)).map_err(|error| error.to_string())
    };
    let chances: Vec<Vec<f64>> = names.par_iter().map(chances).collect::<Result<_, _>>()?;
    let best = |row: usize| {
        let most =
            (0..names.len()).max_by(|&a, &b| chances[a][row].total_cmp(&chances[b][row]).then(b.cmp(&a)));
        most.map_or(0, |at| names[at])
    };
    Ok((0..asked.n_rows()).map(best).collect())
}
