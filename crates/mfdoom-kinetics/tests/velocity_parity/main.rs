//! Parity with scVelo 0.3.4 on the reference arrays beside the checkout (`MFDOOM_SHARED` or `../shared`).

mod compare;
mod dynamics;
mod fixture;
mod graph;
mod npz;
mod steady;
