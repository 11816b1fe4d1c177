//! Scores embeddings and draws them.
