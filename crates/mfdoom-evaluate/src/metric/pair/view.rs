//! Two embeddings of the same cells.

use std::sync::OnceLock;

use mfdoom_matrix::Matrix;

/// Row i of both is the same cell.
pub(crate) struct Pair<'a> {
    /// The one, [n, d].
    pub(crate) first: &'a Matrix,
    /// The other, [n, d].
    pub(crate) second: &'a Matrix,
    /// Label of each cell, where it has one.
    pub(crate) labels: &'a [Option<u32>],
    /// Seed of every random stream.
    pub(crate) seed: u64,
    /// Share of cells found among the first k, once retrieval has found it.
    pub(crate) curve: OnceLock<Vec<(usize, f64)>>,
}

impl Pair<'_> {
    /// Returns why the two cannot be compared, if so.
    pub(crate) fn obstacle(&self) -> Option<String> {
        let broken = |x: &Matrix| x.check_finite().is_err();
        let (n, first, second) = (self.first.n_rows(), self.first.n_cols(), self.second.n_cols());
        match n {
            0 | 1 => Some(format!("{n} cells have both")),
            _ if first != second => {
                Some(format!("vectors of {first} and of {second} values cannot be compared"))
            }
            _ if broken(self.first) || broken(self.second) => Some("NaN or infinity in a vector".to_owned()),
            _ => None,
        }
    }
}
