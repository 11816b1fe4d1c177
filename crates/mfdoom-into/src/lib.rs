//! Results of the stages, added to the AnnData file of their cells: `--into`, and `mfdoom-annotate`.
//!
//! | module | for |
//! |---|---|
//! | [`target`] | [`Target`]: the file that is added to, in place or as a copy |
//! | [`embeddings`] | [`EmbeddingsInto`]: embeddings collected while they are made |
//! | `cells`, `genes` | which row is which cell, which column which gene |
//! | `matching` | both, for a table with a value per cell and gene |
//! | `predictions` | profiles and labels of a decoder |
//! | [`velocity`] | velocity folders, as scVelo reads them |
//!
//! Cells are matched by name, genes one by one on the column of `var` that knows most of them. A copy is changed and
//! replaces the file in one rename; what MFDOOM did not write is kept.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod cells;
pub mod embeddings;
mod genes;
mod matching;
mod predictions;
pub mod target;
pub mod velocity;

pub use embeddings::EmbeddingsInto;
pub use target::Target;
