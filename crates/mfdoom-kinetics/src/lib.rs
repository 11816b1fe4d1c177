//! Splicing kinetics: simulation, moments, velocity fits and graphs on plain slices.

pub mod connectivities;
pub mod dynamics;
pub mod error;
pub mod graph;
mod lanes;
pub mod matrix;
pub mod moments;
pub mod neighbors;
pub mod normalise;
pub mod percentile;
pub mod simulate;
pub mod sparse;
pub mod steady;
pub mod variable_genes;
