//! Results of the stages, added to the AnnData file of their cells: `--into`, and `mfdoom-annotate`.
//!
//! Cells are matched by name; a copy is changed and replaces the file in one rename, everything else is kept.

mod embeddings;
pub mod predictions;
pub mod velocity;

pub use embeddings::EmbeddingsInto;
