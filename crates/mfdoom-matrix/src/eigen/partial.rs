//! Leading eigenvectors of sparse matrices, by faer's restarted Krylov methods.

use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::matrix_free::LinOp;
use faer::matrix_free::eigen::{
    PartialEigenParams, partial_eigen, partial_eigen_scratch, partial_self_adjoint_eigen,
    partial_self_adjoint_eigen_scratch,
};
use faer::{Col, Mat, MatMut, MatRef, Par, Side, c64};
use rayon::prelude::*;

use crate::csr::Csr;
use crate::lanes::sum_of;

/// Up to so many rows a matrix is decomposed whole.
const SMALL: usize = 80;
/// Rows for each eigenpair up to which that is so too: the searches need room for their basis.
const ROOM: usize = 3;
/// Relative residual at which an eigenpair counts as found.
const TOLERANCE: f64 = 1e-9;
/// Restarts before the search is given up with what was found.
const RESTARTS: usize = 300;

/// Eigenvalues, by falling real part, and their eigenvectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenpairs {
    /// Real parts of the eigenvalues.
    pub values: Vec<f64>,
    /// Real part of each eigenvector, of unit length as a complex vector.
    pub vectors: Vec<Vec<f64>>,
}

/// Returns up to `count` eigenpairs of largest magnitude of a symmetric matrix.
pub fn leading_symmetric(matrix: &Csr, count: usize) -> Eigenpairs {
    let n = matrix.n_rows();
    let count = count.min(n.saturating_sub(1));
    if n <= SMALL.max(ROOM * count) {
        return small_symmetric(matrix, count);
    }
    let operator = Rows(matrix);
    let mut vectors = Mat::<f64>::zeros(n, count);
    let mut values = vec![0.0; count];
    let mut memory =
        MemBuffer::new(partial_self_adjoint_eigen_scratch(&operator, count, Par::Seq, parameters()));
    let info = partial_self_adjoint_eigen(
        vectors.as_mut(),
        &mut values,
        &operator,
        start(n).as_ref(),
        TOLERANCE,
        Par::Seq,
        MemStack::new(&mut memory),
        parameters(),
    );
    let found = 0..info.n_converged_eigen.min(count);
    let vector = |k: usize| (0..n).map(|i| vectors[(i, k)]).collect();
    sorted(found.map(|k| (values[k], vector(k))).collect())
}

/// Returns up to `count` eigenpairs of largest magnitude of any real matrix.
pub fn leading_general(matrix: &Csr, count: usize) -> Eigenpairs {
    let n = matrix.n_rows();
    let count = count.min(n.saturating_sub(2));
    if n <= SMALL.max(ROOM * count) {
        return small_general(matrix, count);
    }
    let operator = Rows(matrix);
    let mut vectors = Mat::<c64>::zeros(n, count);
    let mut values = vec![c64::new(0.0, 0.0); count];
    let mut memory = MemBuffer::new(partial_eigen_scratch(&operator, count, Par::Seq, parameters()));
    let info = partial_eigen(
        vectors.as_mut(),
        &mut values,
        &operator,
        start(n).as_ref(),
        TOLERANCE,
        Par::Seq,
        MemStack::new(&mut memory),
        parameters(),
    );
    let found = 0..info.n_converged_eigen.min(count);
    let vector = |k: usize| (0..n).map(|i| vectors[(i, k)].re).collect();
    sorted(found.map(|k| (values[k].re, vector(k))).collect())
}

/// Returns the eigenpairs of largest magnitude of a small symmetric matrix; none if the iteration fails.
fn small_symmetric(matrix: &Csr, count: usize) -> Eigenpairs {
    let Ok(found) = dense(matrix).self_adjoint_eigen(Side::Lower) else { return sorted(Vec::new()) };
    let (values, vectors) = (found.S().column_vector(), found.U());
    let n = matrix.n_rows();
    let pairs = (0..n).map(|k| (values[k], (0..n).map(|i| vectors[(i, k)]).collect()));
    sorted(largest(pairs.collect(), count, |value: &f64| value.abs()))
}

/// Returns the eigenpairs of largest magnitude of a small real matrix; none if the iteration fails.
fn small_general(matrix: &Csr, count: usize) -> Eigenpairs {
    let Ok(found) = dense(matrix).eigen() else { return sorted(Vec::new()) };
    let (values, vectors) = (found.S().column_vector(), found.U());
    let n = matrix.n_rows();
    // A search gives vectors of unit length; so are these made.
    let vector = |k: usize| -> Vec<f64> {
        let norm = (0..n).map(|i| vectors[(i, k)].norm_sqr()).sum::<f64>().sqrt();
        (0..n).map(|i| vectors[(i, k)].re / norm).collect()
    };
    let pairs = (0..n).map(|k| (values[k], vector(k))).collect();
    let kept = largest(pairs, count, |value: &c64| value.norm());
    sorted(kept.into_iter().map(|(value, vector)| (value.re, vector)).collect())
}

/// Keeps the `count` pairs of largest magnitude.
fn largest<V>(mut pairs: Vec<(V, Vec<f64>)>, count: usize, size: impl Fn(&V) -> f64) -> Vec<(V, Vec<f64>)> {
    pairs.sort_by(|a, b| size(&b.0).total_cmp(&size(&a.0)));
    pairs.truncate(count);
    pairs
}

/// Returns a matrix with all its zeros.
fn dense(matrix: &Csr) -> Mat<f64> {
    let mut out = Mat::zeros(matrix.n_rows(), matrix.n_cols());
    for i in 0..matrix.n_rows() {
        let (columns, values) = matrix.row(i);
        columns.iter().zip(values).for_each(|(&j, &value)| out[(i, j as usize)] = f64::from(value));
    }
    out
}

/// Restart settings of both searches.
fn parameters() -> PartialEigenParams {
    PartialEigenParams { max_restarts: RESTARTS, ..PartialEigenParams::default() }
}

/// Returns a start vector that no eigenvector is likely to be orthogonal to: a Weyl sequence in (0, 1).
fn start(n: usize) -> Col<f64> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let raw = Col::from_fn(n, |i| ((i + 1) as f64 * GOLDEN).fract() + 0.05);
    let norm = raw.norm_l2();
    Col::from_fn(n, |i| raw[i] / norm)
}

/// Orders eigenpairs by falling eigenvalue.
fn sorted(mut pairs: Vec<(f64, Vec<f64>)>) -> Eigenpairs {
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (values, vectors) = pairs.into_iter().unzip();
    Eigenpairs { values, vectors }
}

/// A sparse matrix as the operator that the searches apply.
#[derive(Debug)]
struct Rows<'a>(&'a Csr);

impl LinOp<f64> for Rows<'_> {
    fn apply_scratch(&self, _rhs_ncols: usize, _par: Par) -> StackReq {
        StackReq::EMPTY
    }

    fn nrows(&self) -> usize {
        self.0.n_rows()
    }

    fn ncols(&self) -> usize {
        self.0.n_cols()
    }

    fn apply(&self, mut out: MatMut<'_, f64>, rhs: MatRef<'_, f64>, _par: Par, _stack: &mut MemStack) {
        for k in 0..rhs.ncols() {
            let x: Vec<f64> = (0..rhs.nrows()).map(|i| rhs[(i, k)]).collect();
            let product = |i: usize| {
                let (columns, values) = self.0.row(i);
                sum_of(columns, values, |j, value| f64::from(value) * x[j as usize])
            };
            let y: Vec<f64> = (0..self.nrows()).into_par_iter().with_min_len(256).map(product).collect();
            for (i, value) in y.into_iter().enumerate() {
                out[(i, k)] = value;
            }
        }
    }

    fn conj_apply(&self, out: MatMut<'_, f64>, rhs: MatRef<'_, f64>, par: Par, stack: &mut MemStack) {
        self.apply(out, rhs, par, stack);
    }
}
