//! The stage in this process: folders, files for scVelo, errors; parity on the pancreas set where it is there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod errors;
mod fit;
mod graph;
#[allow(dead_code, reason = "shared with tests that read more kinds of arrays")]
#[path = "../../../mfdoom-kinetics/tests/velocity_parity/npz.rs"]
mod npz;
mod pancreas;
mod python;
mod world;
