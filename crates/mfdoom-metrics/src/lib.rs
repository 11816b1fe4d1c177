//! Scores of embeddings and velocities, PCA and neighbours, on plain slices.
