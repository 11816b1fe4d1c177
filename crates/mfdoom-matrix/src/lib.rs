//! Matrices and the numerics on them: PCA, neighbours, eigenvectors, ridge, UMAP, percentiles, seeded streams.
