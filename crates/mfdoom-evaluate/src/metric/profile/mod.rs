//! Scores of one method's profiles of a modality.

mod deviance;
mod pearson;

use mfdoom_matrix::{Csr, Matrix};
use mfdoom_metrics::MeanGene;

use super::Metric;

/// Returns all of them, in the order of the rows.
pub(crate) fn all<'a>() -> Vec<&'a dyn Metric<Profile<'a>>> {
    vec![&pearson::Pearson, &deviance::Deviance]
}

/// Profiles that a method predicts, and the counts of the same cells.
pub(crate) struct Profile<'a> {
    /// Values as predicted, [n, genes]: ln(1 + 1e4 x share), of proteins centred log-ratios.
    pub(crate) values: &'a Matrix,
    /// Shares of the library as predicted, [n, genes]; none where the modality has none.
    pub(crate) shares: &'a Matrix,
    /// The same of the counts, [n, genes].
    pub(crate) observed: &'a Matrix,
    /// Counts, [n, genes].
    pub(crate) counts: &'a Csr,
    /// Library sizes, [n].
    pub(crate) sizes: &'a [f64],
    /// Mean share and dispersion of each gene.
    pub(crate) model: &'a MeanGene,
    /// Seed of every random stream.
    pub(crate) seed: u64,
}
