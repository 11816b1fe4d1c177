//! Every score against numbers computed by hand or by scikit-learn 1.9.1, and the properties it must have.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod counts;
mod embedding;
mod fields;
mod reference;
mod retrieve;
mod threads;
#[path = "../../../mfdoom-matrix/tests/matrix/toy.rs"]
mod toy;
mod transfer;

/// Checks that two numbers differ by no more than `tolerance`.
#[track_caller]
fn close(found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "{found} found, {wanted} +- {tolerance} wanted");
}
