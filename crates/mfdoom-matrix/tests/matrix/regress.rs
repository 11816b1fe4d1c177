//! Ridge, kernel ridge and nearest neighbours against scikit-learn 1.9.1 on the same numbers.

use mfdoom_matrix::{Error, KernelRidge, Matrix, Ridge, knn_regression, penalties_for};

use crate::close;
use crate::toy::{matrix, uniform};

/// 60 rows of five inputs and three targets: noise plus the square of an input.
fn data() -> (Matrix, Matrix) {
    let x = matrix(60, 5, 1);
    let square = |at: usize| x.row(at / 3)[at % 3].powi(2);
    let t = uniform(180, 2).into_iter().enumerate().map(|(at, noise)| noise as f32 + square(at)).collect();
    (x, Matrix::new(t, 60, 3).unwrap())
}

#[track_caller]
fn check(found: &Matrix, wanted: [f64; 6]) {
    assert_eq!((found.n_rows(), found.n_cols()), (2, 3));
    found.data().iter().zip(wanted).for_each(|(&found, wanted)| close(f64::from(found), wanted, 2e-6));
}

#[test]
fn ridge_is_that_of_scikit_learn_with_more_rows_than_columns_and_with_fewer() {
    let ((x, t), queries) = (data(), matrix(2, 5, 5));
    let tall = Ridge::fit(&x, &t, 0.7).unwrap();
    check(
        &tall.predict(&queries).unwrap(),
        [0.652994, 0.9567921, 0.6260787, 0.7204856, 0.7142028, 0.6045019],
    );
    let first: Vec<usize> = (0..4).collect();
    let wide = Ridge::fit(&x.select_rows(&first), &t.select_rows(&first), 0.7).unwrap();
    check(
        &wide.predict(&queries).unwrap(),
        [0.8124283, 1.0177187, 0.5025228, 0.8964484, 1.1775977, 0.4365119],
    );
}

#[test]
fn kernel_ridge_and_neighbours_are_those_of_scikit_learn() {
    let ((x, t), queries) = (data(), matrix(2, 5, 5));
    let kernel = KernelRidge::fit(&x, &t, 0.8, 0.5).unwrap();
    check(
        &kernel.predict(&queries).unwrap(),
        [0.5471223, 0.933934, 0.6184063, 0.6421249, 0.5602327, 0.5683702],
    );
    let near = knn_regression(&queries, &x, &t, 5).unwrap();
    check(&near, [0.3266021, 0.8952398, 0.436995, 0.6974009, 0.6038575, 0.6773391]);
}

#[test]
fn the_penalty_is_the_one_that_predicts_held_out_rows_best() {
    // Targets that are a linear map of the inputs ask for no penalty, targets of noise for all there is.
    let x = matrix(400, 5, 1);
    let map =
        |row: usize| x.row(row).iter().zip([1.0, -2.0, 0.5, 3.0, -1.0]).map(|(x, w)| x * w).sum::<f32>();
    let linear = Matrix::new((0..400).map(map).collect(), 400, 1).unwrap();
    let grid = [1e-6, 1.0, 1e6];
    let found = Ridge::fit_best(&x, &linear, &grid, 0).unwrap();
    assert_eq!(found.penalty, 1e-6);
    close(found.weights[3], 3.0, 1e-4);
    assert_eq!(found, Ridge::fit_best(&x, &linear, &grid, 0).unwrap());
    assert_eq!(Ridge::fit_best(&x, &matrix(400, 40, 9), &grid, 0).unwrap().penalty, 1e6);
}

#[test]
fn penalties_and_gamma_follow_the_scale() {
    let x = matrix(50, 4, 1);
    let large = Matrix::new(x.data().iter().map(|value| value * 10.0).collect(), 50, 4).unwrap();
    for (small, large) in penalties_for(&x).into_iter().zip(penalties_for(&large)) {
        close(large / small, 100.0, 1e-3);
    }
    close(KernelRidge::gamma_for(&x) / KernelRidge::gamma_for(&large), 100.0, 1e-3);
    let square: f64 = x.data().iter().map(|&value| f64::from(value).powi(2)).sum::<f64>() / 50.0;
    close(KernelRidge::gamma_for(&x), 0.5 / square, 1e-12);
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let (x, t) = data();
    assert!(matches!(Ridge::fit(&x, &t.select_rows(&[0, 1]), 1.0), Err(Error::Shape { .. })));
    assert!(matches!(Ridge::fit(&x, &t, 0.0), Err(Error::TooFew { .. })));
    assert!(matches!(Ridge::fit_best(&x, &t, &[], 0), Err(Error::TooFew { .. })));
    let broken = Matrix::new(vec![f32::NAN; 180], 60, 3).unwrap();
    assert_eq!(Ridge::fit(&x, &broken, 1.0), Err(Error::NotFinite { row: 0 }));
    assert!(KernelRidge::fit(&x, &broken, 1.0, 1.0).is_err());
    assert!(knn_regression(&x, &x, &broken, 1).is_err());
    assert!(Ridge::fit(&x, &t, 1.0).unwrap().predict(&t).is_err());
}
