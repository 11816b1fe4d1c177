//! Matrices and their numerics against numbers computed by hand, by scikit-learn 1.9.1 and by umap-learn.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod canonical;
mod layout;
mod nearest;
mod neighbours;
mod principal;
mod regress;
mod toy;
mod variable;

/// Checks that two numbers differ by no more than `tolerance`.
#[track_caller]
fn close(found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "{found} found, {wanted} +- {tolerance} wanted");
}
