//! Scores embeddings and draws them.
fn main() {}
