use mfdoom_matrix::Matrix;
use mfdoom_metrics::stratified_folds;

use crate::toy::labelled;
use crate::{close, transfer};

#[test]
fn separate_clusters_transfer_wholly_and_equal_points_not_at_all() {
    let labels: Vec<u32> = (0..40).map(|row| row % 2).collect();
    let folds = stratified_folds(&labels, 5, 0).unwrap();
    let apart = Matrix::new(labels.iter().map(|&label| label as f32).collect(), 40, 1).unwrap();
    let score = transfer(&apart, &labels, &folds, 3).unwrap();
    assert_eq!((score.accuracy, score.balanced_accuracy, score.unscored), (1.0, 1.0, 0));
    assert_eq!(score.predicted, labels);
    let together = Matrix::new(vec![1.0; 40], 40, 1).unwrap();
    let score = transfer(&together, &labels, &folds, 15).unwrap();
    close(score.balanced_accuracy, 0.5, 1e-12);
}

/// scikit-learn: folds of sizes dealt here, KNeighborsClassifier(5), balanced_accuracy_score.
#[test]
fn scores_are_those_of_scikit_learn() {
    let (x, labels) = labelled();
    let folds = mfdoom_metrics::Folds::new((0..60).map(|row| row % 4).collect(), 4).unwrap();
    let score = transfer(&x, &labels, &folds, 5).unwrap();
    close(score.accuracy, 0.8166666666666667, 1e-12);
    close(score.balanced_accuracy, 0.8094098883572568, 1e-12);
    let wanted = [
        (0.7333333333333333, 0.625),
        (0.8, 0.8),
        (0.8, 0.7555555555555555),
        (0.9333333333333333, 0.9444444444444445),
    ];
    for (fold, (accuracy, balanced)) in score.folds.iter().zip(wanted) {
        assert_eq!(fold.n, 15);
        close(fold.accuracy, accuracy, 1e-12);
        close(fold.balanced_accuracy, balanced, 1e-12);
    }
}

#[test]
fn a_label_of_one_cell_votes_but_is_not_scored() {
    let mut labels = vec![0; 10];
    labels.extend(vec![1; 10]);
    labels.push(2);
    let x = Matrix::new(labels.iter().map(|&label| label as f32 * 10.0).collect(), 21, 1).unwrap();
    let folds = stratified_folds(&labels, 5, 0).unwrap();
    let score = transfer(&x, &labels, &folds, 3).unwrap();
    assert_eq!((score.accuracy, score.balanced_accuracy, score.unscored), (1.0, 1.0, 1));
    assert_eq!(score.folds.iter().map(|fold| fold.n).sum::<usize>(), 20);
}

#[test]
fn one_label_or_too_few_cells_are_refused() {
    let x = Matrix::new((0..10).map(|row| row as f32).collect(), 10, 1).unwrap();
    let labels = [0, 1].repeat(5);
    let folds = stratified_folds(&labels, 5, 0).unwrap();
    assert!(transfer(&x, &[3; 10], &folds, 3).unwrap_err().to_string().contains("labels"));
    assert!(transfer(&x, &labels, &folds, 15).is_err());
    assert!(transfer(&x, &labels[..9], &folds, 3).is_err());
}
