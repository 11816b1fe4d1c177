//! The number of threads changes no bit of any result.

use mfdoom_matrix::{KernelRidge, Metric, Ridge, Rows, knn, knn_regression, pca, penalties_for};
use mfdoom_metrics::{retrieval, stratified_folds};

use crate::toy::{labelled, matrix};
use crate::transfer;

fn on<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[track_caller]
fn same<T: Send + PartialEq + std::fmt::Debug>(work: impl Fn() -> T + Sync) {
    let one = on(1, &work);
    for threads in [2, 3, 7] {
        assert!(one == on(threads, &work), "{threads} threads give another result");
    }
}

#[test]
fn pca_does_not_depend_on_threads() {
    let x = matrix(3000, 200, 1);
    assert_eq!(Rows::n_rows(&x), 3000);
    same(|| {
        let found = pca(&x, 5, 0).unwrap();
        (found.scores, found.loadings, found.explained_variance, found.residual.to_bits())
    });
}

#[test]
fn neighbours_and_scores_do_not_depend_on_threads() {
    let (x, y) = (matrix(1500, 6, 1), matrix(1500, 6, 2));
    same(|| knn(&x, 10, Metric::Euclidean).unwrap());
    same(|| retrieval(&x, &y, Metric::Cosine).unwrap());
    let (x, labels) = labelled();
    let folds = stratified_folds(&labels, 5, 0).unwrap();
    same(|| transfer(&x, &labels, &folds, 5).unwrap());
}

#[test]
fn regressions_do_not_depend_on_threads() {
    let (x, t, wide) = (matrix(2500, 30, 1), matrix(2500, 7, 2), matrix(300, 400, 3));
    same(|| Ridge::fit_best(&x, &t, &penalties_for(&x), 0).unwrap().predict(&x).unwrap());
    same(|| Ridge::fit(&wide, &t.select_rows(&(0..300).collect::<Vec<_>>()), 1.0).unwrap());
    same(|| KernelRidge::fit(&x, &t, 0.1, 1.0).unwrap().predict(&x).unwrap());
    same(|| knn_regression(&x, &x, &t, 10).unwrap());
}
