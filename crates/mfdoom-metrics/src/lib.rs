//! Scores of embeddings and velocities, on the matrices of [`mfdoom_matrix`].
//!
//! Nothing here reads or writes files. Every result depends on the input and the seed only: work is cut
//! into pieces of fixed size, so the number of threads changes no bit.
//!
//! | module | for |
//! |---|---|
//! | [`folds`] | seeded, stratified folds |
//! | [`transfer`] | kNN label transfer: accuracy and balanced accuracy |
//! | [`mod@retrieval`] | how well one head finds the same cell in another: R@k, median rank |
//! | [`agreement`] | NMI and ARI of two partitions |
//! | [`mod@silhouette`] | silhouettes, label and batch ASW |
//! | [`connectivity`] | graph connectivity of the labels |
//! | [`mod@lisi`] | LISI, cLISI, iLISI |
//! | [`count_model`] | negative-binomial deviance of counts, and the mean-gene model |
//! | [`velocity`] | velocities against a truth, across borders and within clusters, with their controls |
//! | [`regression`] | principal component regression on batches |
//! | [`mod@leiden`] | Leiden clusters of a neighbour graph |
//! | [`sphere`] | alignment and uniformity of unit vectors |
//! | [`mod@kbet`] | kBET within each label |
//! | [`two_sample`] | generated next to real cells: discrepancy, classifiers, coverage |
//! | [`mod@bootstrap`], [`chi_square`] | intervals, a distribution |
//!
//! Integration scores follow scib-metrics 0.5.10.
//!
//! ```
//! use mfdoom_matrix::{Matrix, Metric, knn};
//! use mfdoom_metrics::{label_transfer, retrieval, stratified_folds};
//!
//! # fn main() -> mfdoom_metrics::Result<()> {
//! let x = Matrix::new(vec![0.0, 0.1, 0.2, 5.0, 5.1, 5.2], 6, 1)?;
//! let labels = [0, 0, 0, 1, 1, 1];
//! let folds = stratified_folds(&labels, 3, 0)?;
//! let near = knn(&x, 3, Metric::Euclidean)?;
//! assert_eq!(label_transfer(&x, &near, &labels, &folds, 1)?.accuracy, 1.0);
//! assert_eq!(retrieval(&x, &x, Metric::Euclidean)?.median_rank(), 1.0);
//! # Ok(())
//! # }
//! ```

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod agreement;
pub mod bootstrap;
pub mod chi_square;
pub mod connectivity;
pub mod count_model;
pub mod folds;
pub mod kbet;
mod lanczos;
pub mod leiden;
pub mod lisi;
pub mod regression;
pub mod retrieval;
pub mod silhouette;
pub mod sphere;
pub mod transfer;
pub mod two_sample;
pub mod velocity;

pub use agreement::{ari, nmi};
pub use bootstrap::{bootstrap, bootstrap_mean, bootstrap_median};
pub use chi_square::chi_square_above;
pub use connectivity::{connected_shares, graph_connectivity};
pub use count_model::{MeanGene, cell_nb_deviances, mean_nb_deviance, nb_deviance};
pub use folds::{Folds, stratified_folds};
pub use kbet::{KBET_NEAREST, kbet};
pub use leiden::{Leiden, leiden};
pub use lisi::{clisi, ilisi, lisi, lisi_of_each};
pub use mfdoom_matrix::{Error, Result};
pub use regression::principal_component_regression;
pub use retrieval::{Places, Retrieval, retrieval};
pub use silhouette::{batch_silhouettes, mean_of_labels, silhouette_batch, silhouette_label, silhouettes};
pub use sphere::{alignment, uniformity};
pub use transfer::{FoldScore, LabelTransfer, label_transfer, score_labels, vote};
pub use two_sample::{Forest, Logistic, auroc, covered, mmd};
