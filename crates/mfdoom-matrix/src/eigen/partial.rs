//! Leading eigenvectors of large matrices that are known by their products, by faer's restarted Krylov methods.

use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::matrix_free::LinOp;
use faer::matrix_free::eigen::{
    PartialEigenParams, partial_eigen, partial_eigen_scratch, partial_self_adjoint_eigen,
    partial_self_adjoint_eigen_scratch,
};
use faer::traits::ComplexField;
use faer::{Col, ColRef, Mat, MatMut, MatRef, Par, Side, c64};
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

/// A square matrix that vectors are multiplied by.
pub trait Operator: Sync {
    /// Returns the number of rows.
    fn len(&self) -> usize;

    /// Says whether there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the product with `x` to `out`, both of [`Operator::len`]; the same bits whatever the threads.
    fn apply(&self, x: &[f64], out: &mut [f64]);
}

/// A square matrix applies itself.
impl Operator for Csr {
    fn len(&self) -> usize {
        self.n_rows()
    }

    fn apply(&self, x: &[f64], out: &mut [f64]) {
        out.par_iter_mut().enumerate().with_min_len(256).for_each(|(i, out)| {
            let (columns, values) = self.row(i);
            *out = sum_of(columns, values, |j, value| f64::from(value) * x[j as usize]);
        });
    }
}

/// Eigenvalues, by falling real part, and their eigenvectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenpairs {
    /// Real parts of the eigenvalues.
    pub values: Vec<f64>,
    /// Real part of each eigenvector, of unit length as a complex vector.
    pub vectors: Vec<Vec<f64>>,
}

/// Returns up to `count` eigenpairs of largest magnitude of a symmetric matrix.
pub fn leading_symmetric(matrix: &impl Operator, count: usize) -> Eigenpairs {
    leading::<f64>(matrix, count.min(matrix.len().saturating_sub(1)))
}

/// Returns up to `count` eigenpairs of largest magnitude of any real matrix.
pub fn leading_general(matrix: &impl Operator, count: usize) -> Eigenpairs {
    leading::<c64>(matrix, count.min(matrix.len().saturating_sub(2)))
}

/// What eigenvalues are, and how they are found: real ones of a symmetric matrix, complex ones of any other.
trait Eigenvalue: ComplexField + Copy {
    /// The memory of a search for `count` pairs.
    fn scratch(operator: &dyn LinOp<f64>, count: usize) -> StackReq;

    /// Writes as many pairs as there are values, and returns how many of them were found.
    fn search(
        vectors: MatMut<'_, Self>,
        values: &mut [Self],
        operator: &dyn LinOp<f64>,
        start: ColRef<'_, f64>,
        stack: &mut MemStack,
    ) -> usize;

    /// Returns all pairs of a matrix, vectors of unit length; none if the iteration fails.
    fn all(matrix: &Mat<f64>) -> Vec<(Self, Vec<f64>)>;

    fn real(self) -> f64;

    fn magnitude(self) -> f64;
}

impl Eigenvalue for f64 {
    fn scratch(operator: &dyn LinOp<f64>, count: usize) -> StackReq {
        partial_self_adjoint_eigen_scratch(operator, count, Par::Seq, parameters())
    }

    fn search(
        vectors: MatMut<'_, f64>,
        values: &mut [f64],
        operator: &dyn LinOp<f64>,
        start: ColRef<'_, f64>,
        stack: &mut MemStack,
    ) -> usize {
        let (par, parameters) = (Par::Seq, parameters());
        partial_self_adjoint_eigen(vectors, values, operator, start, TOLERANCE, par, stack, parameters)
            .n_converged_eigen
    }

    fn all(matrix: &Mat<f64>) -> Vec<(f64, Vec<f64>)> {
        let Ok(found) = matrix.self_adjoint_eigen(Side::Lower) else { return Vec::new() };
        let (values, vectors) = (found.S().column_vector(), found.U());
        let n = matrix.nrows();
        (0..n).map(|k| (values[k], (0..n).map(|i| vectors[(i, k)]).collect())).collect()
    }

    fn real(self) -> f64 {
        self
    }

    fn magnitude(self) -> f64 {
        self.abs()
    }
}

impl Eigenvalue for c64 {
    fn scratch(operator: &dyn LinOp<f64>, count: usize) -> StackReq {
        partial_eigen_scratch(operator, count, Par::Seq, parameters())
    }

    fn search(
        vectors: MatMut<'_, c64>,
        values: &mut [c64],
        operator: &dyn LinOp<f64>,
        start: ColRef<'_, f64>,
        stack: &mut MemStack,
    ) -> usize {
        let (par, parameters) = (Par::Seq, parameters());
        partial_eigen(vectors, values, operator, start, TOLERANCE, par, stack, parameters).n_converged_eigen
    }

    fn all(matrix: &Mat<f64>) -> Vec<(c64, Vec<f64>)> {
        let Ok(found) = matrix.eigen() else { return Vec::new() };
        let (values, vectors) = (found.S().column_vector(), found.U());
        let n = matrix.nrows();
        let vector = |k: usize| -> Vec<f64> {
            let norm = (0..n).map(|i| vectors[(i, k)].norm_sqr()).sum::<f64>().sqrt();
            (0..n).map(|i| vectors[(i, k)].re / norm).collect()
        };
        (0..n).map(|k| (values[k], vector(k))).collect()
    }

    fn real(self) -> f64 {
        self.re
    }

    fn magnitude(self) -> f64 {
        self.norm()
    }
}

/// Returns up to `count` eigenpairs of largest magnitude.
fn leading<V: Eigenvalue>(matrix: &impl Operator, count: usize) -> Eigenpairs {
    let n = matrix.len();
    if n <= SMALL.max(ROOM * count) {
        let pairs = largest(V::all(&dense(matrix)), count);
        return sorted(pairs.into_iter().map(|(value, vector)| (value.real(), vector)).collect());
    }
    let operator = Products(matrix);
    let mut vectors = Mat::<V>::zeros(n, count);
    let mut values = vec![V::zero_impl(); count];
    let mut memory = MemBuffer::new(V::scratch(&operator, count));
    let (start, stack) = (start(n), MemStack::new(&mut memory));
    let found = V::search(vectors.as_mut(), &mut values, &operator, start.as_ref(), stack).min(count);
    let vector = |k: usize| (0..n).map(|i| vectors[(i, k)].real()).collect();
    sorted((0..found).map(|k| (values[k].real(), vector(k))).collect())
}

/// Keeps the `count` pairs of largest magnitude.
fn largest<V: Eigenvalue>(mut pairs: Vec<(V, Vec<f64>)>, count: usize) -> Vec<(V, Vec<f64>)> {
    pairs.sort_by(|a, b| b.0.magnitude().total_cmp(&a.0.magnitude()));
    pairs.truncate(count);
    pairs
}

/// Returns a matrix with all its entries.
fn dense(matrix: &impl Operator) -> Mat<f64> {
    let n = matrix.len();
    let (mut unit, mut column, mut out) = (vec![0.0; n], vec![0.0; n], Mat::zeros(n, n));
    for k in 0..n {
        unit[k] = 1.0;
        matrix.apply(&unit, &mut column);
        unit[k] = 0.0;
        (0..n).for_each(|i| out[(i, k)] = column[i]);
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

/// An operator as the searches take it.
struct Products<'a, T>(&'a T);

impl<T> std::fmt::Debug for Products<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Products")
    }
}

impl<T: Operator> LinOp<f64> for Products<'_, T> {
    fn apply_scratch(&self, _rhs_ncols: usize, _par: Par) -> StackReq {
        StackReq::EMPTY
    }

    fn nrows(&self) -> usize {
        self.0.len()
    }

    fn ncols(&self) -> usize {
        self.0.len()
    }

    fn apply(&self, mut out: MatMut<'_, f64>, rhs: MatRef<'_, f64>, _par: Par, _stack: &mut MemStack) {
        let mut product = vec![0.0; self.nrows()];
        for k in 0..rhs.ncols() {
            let x: Vec<f64> = (0..rhs.nrows()).map(|i| rhs[(i, k)]).collect();
            self.0.apply(&x, &mut product);
            product.iter().enumerate().for_each(|(i, &value)| out[(i, k)] = value);
        }
    }

    fn conj_apply(&self, out: MatMut<'_, f64>, rhs: MatRef<'_, f64>, par: Par, stack: &mut MemStack) {
        self.apply(out, rhs, par, stack);
    }
}
