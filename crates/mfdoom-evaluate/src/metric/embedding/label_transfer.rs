//! Label transfer: is the label of a cell that of most of its nearest cells?

use mfdoom_metrics::{FoldScore, bootstrap, label_transfer, score_labels, vote};

use super::super::{Metric, none};
use super::{Reference, View};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

const NAMES: &[Name] = &[
    Name::high("accuracy", "Label transfer", "accuracy"),
    Name::high("balanced_accuracy", "Label transfer", "balanced"),
];

/// Accuracy and balanced accuracy of the label that most of the nearest cells bear: of the other folds, with the spread
/// over folds, or of the reference, with a bootstrap interval.
pub(super) struct LabelTransfer;

impl Metric<View<'_>> for LabelTransfer {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        let found = match &view.reference {
            Some(_) => of_reference(view),
            None => of_folds(view),
        };
        found.map_or_else(|reason| none(NAMES, reason), |found| found.into_iter().map(Ok).collect())
    }
}

fn of_folds(view: &View<'_>) -> Result<[Estimate; 2], String> {
    view.need_labels()?;
    let folds = view.folds.clone()?;
    let found = label_transfer(&view.vectors, view.nearest()?, view.labels, folds, view.settings.voters)
        .map_err(|error| error.to_string())?;
    let spread = |of: fn(&FoldScore) -> f64| found.folds.iter().map(of).collect::<Vec<_>>();
    view.predicted.get_or_init(|| found.predicted.clone());
    Ok([
        Estimate::of_folds(found.accuracy, &spread(|fold| fold.accuracy)),
        Estimate::of_folds(found.balanced_accuracy, &spread(|fold| fold.balanced_accuracy)),
    ])
}

fn of_reference(view: &View<'_>) -> Result<[Estimate; 2], String> {
    let Some(reference) = &view.reference else { return Err("no reference".to_owned()) };
    let asked = view.vectors.select_rows(&reference.asked);
    let k = view.settings.voters;
    let predicted =
        vote(&asked, &reference.vectors, &reference.labels, k).map_err(|error| error.to_string())?;
    by_reference(view, reference, &predicted)
}

/// Scores labels predicted from a reference, with bootstrap intervals over the cells that are asked for.
pub(super) fn by_reference(
    view: &View<'_>,
    reference: &Reference,
    predicted: &[u32],
) -> Result<[Estimate; 2], String> {
    let labels: Vec<u32> = reference.asked.iter().map(|&cell| view.labels[cell]).collect();
    let all = score_labels(&labels, predicted, &reference.labels);
    if all.n == 0 {
        return Err("no cell that is asked for has a label of the reference".to_owned());
    }
    let again = |of: fn(FoldScore) -> f64| {
        bootstrap(labels.len(), view.settings.seed, |drawn| {
            let cells = || drawn.iter().enumerate().flat_map(|(cell, &times)| (0..times).map(move |_| cell));
            let known: Vec<u32> = cells().map(|cell| labels[cell]).collect();
            let predicted: Vec<u32> = cells().map(|cell| predicted[cell]).collect();
            of(score_labels(&known, &predicted, &reference.labels))
        })
    };
    Ok([
        Estimate::new(all.accuracy, again(|score| score.accuracy)),
        Estimate::new(all.balanced_accuracy, again(|score| score.balanced_accuracy)),
    ])
}
