//! The stage from files to files, in this process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
mod drawn;
mod errors;
mod h5ad;
mod motion;
mod pancreas;
mod profiles;
mod scores;
mod world;
