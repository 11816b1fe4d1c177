//! Matrices and the numerics on them: PCA, neighbours, eigenvectors, ridge, UMAP, percentiles, seeded streams.
//!
//! Nothing here reads or writes files or knows another crate of the project. Every result depends on the input and
//! the seed only: work is cut into pieces of fixed size, so the number of threads changes no bit.
//!
//! | module | for |
//! |---|---|
//! | [`dense`], [`csr`], [`rows`] | [`Matrix`] (dense, row-major), [`Csr`] (sparse), and [`Rows`], what both have |
//! | [`neighbors`], [`mod@knn`], [`mod@nearest`] | [`Neighbors`] and the searches for them, exact and approximate |
//! | [`connectivities`] | UMAP's memberships of a neighbour graph |
//! | [`mod@pca`], [`eigen`] | principal components of either matrix, eigenpairs |
//! | [`cca`] | canonical correlation with a ridge |
//! | [`mod@umap`] | a seeded UMAP layout of a neighbour graph |
//! | [`mod@ridge`], [`leave_one_out`], [`kernel_ridge`], [`mod@knn_regression`] | plain predictions of many targets |
//! | [`percentile`], [`normalise`], [`variable_genes`] | numpy's percentiles, normalised counts, genes to keep |
//! | [`random`], [`mod@subsample`] | seeded streams, a seeded choice of rows |
//! | [`distance`] and [`lanes`] | tiles of distances, sums in a fixed order |
//!
//! ```
//! use mfdoom_matrix::{Matrix, Metric, knn, pca};
//!
//! # fn main() -> mfdoom_matrix::Result<()> {
//! let x = Matrix::new(vec![0.0, 0.1, 0.2, 5.0, 5.1, 5.2], 6, 1)?;
//! assert_eq!(knn(&x, 2, Metric::Euclidean)?.indices(0), [1, 2]);
//! assert_eq!(pca(&x, 1, 0)?.scores.n_rows(), 6);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod cca;
mod clusters;
pub mod connectivities;
pub mod csr;
pub mod dense;
pub mod distance;
pub mod eigen;
pub mod error;
pub mod kernel_ridge;
pub mod knn;
pub mod knn_regression;
pub mod lanes;
pub mod leave_one_out;
pub mod nearest;
pub mod neighbors;
pub mod normalise;
mod panel;
pub mod pca;
pub mod percentile;
pub mod random;
pub mod ridge;
pub mod rows;
pub mod subsample;
pub mod umap;
pub mod variable_genes;

pub use cca::Cca;
pub use connectivities::{connectivities, connectivities_with_own};
pub use csr::Csr;
pub use dense::Matrix;
pub use distance::Metric;
pub use error::{Error, Result};
pub use kernel_ridge::KernelRidge;
pub use knn::{knn, knn_between};
pub use knn_regression::knn_regression;
pub use leave_one_out::LeaveOneOut;
pub use nearest::nearest;
pub use neighbors::Neighbors;
pub use normalise::{SizeTarget, divide_rows, log_normalise, size_factors};
pub use pca::{Pca, pca};
pub use percentile::{median, percentile};
pub use ridge::{Ridge, penalties_for};
pub use rows::Rows;
pub use subsample::subsample;
pub use umap::umap;
