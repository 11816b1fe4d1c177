//! Scores of generated cells next to real ones.

mod auroc;
mod coverage;
mod genes;
mod mixing;
mod mmd;

use mfdoom_matrix::{Csr, Matrix};

use super::Metric;

/// Heading of what is found on principal components.
const TOGETHER: &str = "Generated and real, joint components";

/// Returns all of them, in the order of the rows.
pub(crate) fn all<'a>() -> Vec<&'a dyn Metric<Samples>> {
    vec![&mmd::Mmd, &auroc::Auroc, &coverage::Coverage, &mixing::Mixing, &genes::Genes]
}

/// Two samples of cells on the same components and genes.
pub(crate) struct Samples {
    /// Real cells on joint components, [n, d].
    pub(crate) real: Matrix,
    /// Generated cells on the same, [m, d].
    pub(crate) generated: Matrix,
    /// Counts of the real cells, [n, genes].
    pub(crate) real_counts: Csr,
    /// Counts of the generated cells, [m, genes].
    pub(crate) generated_counts: Csr,
    /// Seed of every random stream.
    pub(crate) seed: u64,
}

impl Samples {
    /// Returns both samples, real first, and which rows are generated.
    pub(crate) fn stacked(&self) -> (Matrix, Vec<bool>) {
        let (n, m, d) = (self.real.n_rows(), self.generated.n_rows(), self.real.n_cols());
        let data = [self.real.data(), self.generated.data()].concat();
        let is_generated = (0..n + m).map(|row| row >= n).collect();
        (Matrix::new(data, n + m, d).unwrap_or_default(), is_generated)
    }
}
