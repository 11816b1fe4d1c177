//! Parity with scVelo 0.3.4 on the reference arrays next to the checkout (`MFDOOM_SHARED` or `../shared`).

#![allow(clippy::unwrap_used, reason = "the helpers of a test are tests as well")]

mod compare;
mod dynamics;
mod fixture;
mod graph;
mod steady;
