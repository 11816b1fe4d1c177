//! The stage in this process: folders, files for scVelo, errors; parity on the pancreas set where it is there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod errors;
mod fit;
mod graph;
mod pancreas;
mod python;
mod subset;
mod world;
