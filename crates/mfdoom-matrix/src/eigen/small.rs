//! Eigenvectors of small symmetric matrices, on one thread so that threads change nothing.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, Par};

/// Returns the eigenvalues of a symmetric matrix in descending order and its eigenvectors as columns.
///
/// Returns nothing when the iteration does not converge, which finite input does not bring about.
pub fn symmetric(matrix: &Mat<f64>) -> Option<(Vec<f64>, Mat<f64>)> {
    let n = matrix.nrows();
    let mut values = Diag::<f64>::zeros(n);
    let mut vectors = Mat::<f64>::zeros(n, n);
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    self_adjoint_evd(
        matrix.as_ref(),
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .ok()?;
    let descending = |column: usize| n - 1 - column;
    let sorted = (0..n).map(|column| values.column_vector()[descending(column)]).collect();
    Some((sorted, Mat::from_fn(n, n, |row, column| vectors[(row, descending(column))])))
}
