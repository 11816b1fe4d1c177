//! Scores of embeddings and velocities, PCA and neighbours, on plain slices.
//!
//! Nothing here reads or writes files. Every result depends on the input and the seed only: work is cut
//! into pieces of fixed size, so the number of threads changes no bit.
//!
//! | module | for |
//! |---|---|
//! | [`matrix`] | [`Matrix`] (dense, row-major) and [`Csr`] (sparse counts) |
//! | [`normalise`] | log-normalised counts |
//! | [`mod@pca`] | principal components of either matrix, centred implicitly |
//! | [`mod@knn`] | exact nearest neighbours, Euclidean or cosine |
//! | [`mod@umap`] | a seeded UMAP layout of a neighbour graph |
//! | [`folds`] | seeded, stratified folds |
//! | [`transfer`] | kNN label transfer: accuracy and balanced accuracy |
//! | [`mod@retrieval`] | how well one head finds the same cell in another: R@k, median rank |
//! | [`mod@subsample`] | a seeded choice of rows, for what grows with the square of the cells |
//! | [`agreement`] | NMI and ARI of two partitions |
//! | [`mod@silhouette`] | silhouettes, label and batch ASW |
//! | [`connectivity`] | graph connectivity of the labels |
//! | [`mod@lisi`] | LISI, cLISI, iLISI |
//! | [`mod@ridge`], [`kernel_ridge`], [`mod@knn_regression`] | plain predictions of many targets |
//! | [`count_model`] | negative-binomial deviance of counts, and the mean-gene model |
//! | [`velocity`] | velocities against a truth, across borders and within clusters, with their controls |
//! | [`regression`] | principal component regression on batches |
//!
//! Integration scores follow scib-metrics 0.5.10.
//!
//! ```
//! use mfdoom_metrics::{Matrix, Metric, label_transfer, retrieval, stratified_folds};
//!
//! # fn main() -> mfdoom_metrics::Result<()> {
//! let x = Matrix::new(vec![0.0, 0.1, 0.2, 5.0, 5.1, 5.2], 6, 1)?;
//! let labels = [0, 0, 0, 1, 1, 1];
//! let folds = stratified_folds(&labels, 3, 0)?;
//! assert_eq!(label_transfer(&x, &labels, &folds, 1)?.accuracy, 1.0);
//! assert_eq!(retrieval(&x, &x, Metric::Euclidean)?.median_rank, 1.0);
//! # Ok(())
//! # }
//! ```

pub mod agreement;
pub mod connectivity;
pub mod count_model;
pub mod distance;
mod eigen;
pub mod error;
pub mod folds;
pub mod kernel_ridge;
pub mod knn;
pub mod knn_regression;
pub mod lisi;
pub mod matrix;
pub mod normalise;
mod panel;
pub mod pca;
mod random;
pub mod regression;
pub mod retrieval;
pub mod ridge;
pub mod silhouette;
pub mod subsample;
pub mod transfer;
pub mod umap;
pub mod velocity;

pub use agreement::{ari, nmi};
pub use connectivity::graph_connectivity;
pub use count_model::{MeanGene, mean_nb_deviance, nb_deviance};
pub use distance::Metric;
pub use error::{Error, Result};
pub use folds::{Folds, stratified_folds};
pub use kernel_ridge::KernelRidge;
pub use knn::{Neighbours, knn, knn_between};
pub use knn_regression::knn_regression;
pub use lisi::{clisi, ilisi, lisi};
pub use matrix::{Csr, Matrix, Rows};
pub use normalise::{SizeTarget, log_normalise};
pub use pca::{Pca, pca};
pub use regression::principal_component_regression;
pub use retrieval::{Direction, Retrieval, retrieval};
pub use ridge::{Ridge, penalties_for};
pub use silhouette::{silhouette_batch, silhouette_label, silhouettes};
pub use subsample::subsample;
pub use transfer::{FoldScore, LabelTransfer, label_transfer};
pub use umap::umap;
