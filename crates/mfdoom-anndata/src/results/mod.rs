//! Results of the stages, added to an AnnData file: cells are matched by name, everything else is kept.

mod embeddings;

pub use embeddings::EmbeddingsInto;
