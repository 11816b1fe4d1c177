//! Splicing kinetics: simulation, moments, velocity fits and graphs, on the matrices of [`mfdoom_matrix`].

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod dynamics;
pub mod graph;
pub mod moments;
pub mod shared_counts;
pub mod simulate;
pub mod steady;

pub use mfdoom_matrix::{Error, Result};
