//! Every score against numbers computed by hand or by scikit-learn 1.9.1, and the properties it must have.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mfdoom_matrix::{Matrix, Metric, knn};
use mfdoom_metrics::{Folds, LabelTransfer, label_transfer};

mod clusters;
mod counts;
mod embedding;
mod fields;
mod reference;
mod retrieve;
mod samples;
mod stored;
mod threads;
#[path = "../../../mfdoom-matrix/tests/matrix/toy.rs"]
mod toy;
mod transfer;

/// Transfers labels by the nearest of the other folds, which a few of the nearest cells do not always hold.
fn transfer(x: &Matrix, labels: &[u32], folds: &Folds, k: usize) -> mfdoom_metrics::Result<LabelTransfer> {
    let near = knn(x, (k + k / 4).min(x.n_rows() - 1), Metric::Euclidean)?;
    label_transfer(x, &near, labels, folds, k)
}

/// Checks that two numbers differ by no more than `tolerance`.
#[track_caller]
fn close(found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "{found} found, {wanted} +- {tolerance} wanted");
}
