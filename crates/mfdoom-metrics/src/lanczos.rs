//! Eigenpairs of largest magnitude of a sparse symmetric matrix, by a Lanczos search that keeps its whole basis.
//!
//! Half of the pairs that a diffusion map needs lie close together. faer's restarted search, which forgets most of its
//! basis, did not find a hundred of them in 300 restarts; one basis of a few hundred vectors does.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use mfdoom_matrix::Csr;
use mfdoom_matrix::eigen::{leading_symmetric, symmetric};
use mfdoom_matrix::random::stream;
use rand::Rng;

/// Vectors of the first basis, for each pair that is wanted.
const ROOM: usize = 3;
/// Most vectors of a basis, for each pair that is wanted.
const MOST: usize = 12;
/// Vectors that a basis may have in any case.
const LEAST: usize = 600;
/// Residual of a pair that is found: eigenvalues are at most 1.
const TOLERANCE: f64 = 1e-7;
const DOMAIN: &[u8; 16] = b"mfdoom lanczos..";

/// Returns up to `count` eigenvalues of largest magnitude with their eigenvectors, by falling value.
pub(crate) fn leading(matrix: &Csr, count: usize) -> Vec<(f64, Vec<f64>)> {
    let n = matrix.n_rows();
    let count = count.min(n.saturating_sub(1));
    if n <= ROOM * count {
        let found = leading_symmetric(matrix, count);
        return found.values.into_iter().zip(found.vectors).collect();
    }
    let mut basis = Basis::new(matrix);
    let most = n.min((MOST * count).max(LEAST));
    let mut room = (ROOM * count).min(n);
    loop {
        while basis.len() < room {
            basis.extend();
        }
        let (pairs, residual) = basis.pairs(count);
        if residual <= TOLERANCE || room >= most {
            return pairs;
        }
        room = (2 * room).min(most);
    }
}

/// Orthonormal vectors, column by column, and the tridiagonal image of the matrix in them.
struct Basis<'a> {
    matrix: &'a Csr,
    vectors: Vec<f64>,
    next: Vec<f64>,
    diagonal: Vec<f64>,
    /// Length of each next vector before it was made unit.
    beside: Vec<f64>,
}

impl<'a> Basis<'a> {
    fn new(matrix: &'a Csr) -> Self {
        let mut basis =
            Self { matrix, vectors: Vec::new(), next: Vec::new(), diagonal: Vec::new(), beside: Vec::new() };
        basis.next = basis.fresh();
        basis
    }

    fn len(&self) -> usize {
        self.diagonal.len()
    }

    /// Returns a unit vector drawn at random, orthogonal to all.
    fn fresh(&self) -> Vec<f64> {
        let mut random = stream(DOMAIN, 0, 0, self.len());
        let mut drawn: Vec<f64> = (0..self.matrix.n_rows()).map(|_| random.random_range(-1.0..1.0)).collect();
        self.remove(&mut drawn);
        let length = length(&drawn);
        drawn.iter_mut().for_each(|value| *value /= length);
        drawn
    }

    /// Adds the next vector.
    fn extend(&mut self) {
        let own = std::mem::take(&mut self.next);
        let mut image = image(self.matrix, &own);
        self.diagonal.push(own.iter().zip(&image).map(|(a, b)| a * b).sum());
        self.vectors.extend_from_slice(&own);
        self.remove(&mut image);
        let length = length(&image);
        // Nothing is left outside a space that the matrix maps into itself: go on elsewhere.
        if length > 1e-12 {
            image.iter_mut().for_each(|value| *value /= length);
            self.next = image;
            self.beside.push(length);
        } else {
            self.next = self.fresh();
            self.beside.push(0.0);
        }
    }

    /// Takes out what lies along the vectors, twice, so that rounding leaves nothing.
    fn remove(&self, vector: &mut [f64]) {
        let n = vector.len();
        let basis = MatRef::from_column_major_slice(&self.vectors, n, self.vectors.len() / n.max(1));
        for _ in 0..2 {
            let mut along = Mat::<f64>::zeros(basis.ncols(), 1);
            let seen = MatRef::from_column_major_slice(&*vector, n, 1);
            matmul(along.as_mut(), Accum::Replace, basis.transpose(), seen, 1.0, Par::Seq);
            let left = MatMut::from_column_major_slice_mut(vector, n, 1);
            matmul(left, Accum::Add, basis, along.as_ref(), -1.0, Par::Seq);
        }
    }

    /// Returns the pairs of largest magnitude and the largest of their residuals.
    fn pairs(&self, count: usize) -> (Vec<(f64, Vec<f64>)>, f64) {
        let (n, m) = (self.matrix.n_rows(), self.len());
        let entry = |row: usize, column: usize| match row.abs_diff(column) {
            0 => self.diagonal[row],
            1 => self.beside[row.min(column)],
            _ => 0.0,
        };
        let Some((values, turn)) = symmetric(&Mat::from_fn(m, m, entry)) else { return (Vec::new(), 0.0) };
        let mut order: Vec<usize> = (0..m).collect();
        order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
        order.truncate(count);
        order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let last = self.beside.last().copied().unwrap_or(0.0);
        let residual = order.iter().map(|&at| last * turn[(m - 1, at)].abs()).fold(0.0, f64::max);
        let chosen = Mat::from_fn(m, order.len(), |row, column| turn[(row, order[column])]);
        let mut vectors = Mat::<f64>::zeros(n, order.len());
        let basis = MatRef::from_column_major_slice(&self.vectors, n, m);
        matmul(vectors.as_mut(), Accum::Replace, basis, chosen.as_ref(), 1.0, Par::Seq);
        let vector = |column: usize| (0..n).map(|row| vectors[(row, column)]).collect();
        (order.iter().enumerate().map(|(column, &at)| (values[at], vector(column))).collect(), residual)
    }
}

fn length(vector: &[f64]) -> f64 {
    vector.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn image(matrix: &Csr, vector: &[f64]) -> Vec<f64> {
    let of_row = |row: usize| {
        let (columns, values) = matrix.row(row);
        columns.iter().zip(values).map(|(&column, &value)| f64::from(value) * vector[column as usize]).sum()
    };
    (0..matrix.n_rows()).map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path of n nodes: its eigenvalues are 2 cos(pi k / (n + 1)), in pairs of either sign.
    #[test]
    fn a_path_has_the_values_of_cosines() {
        let n = 200;
        let row = |node: usize| {
            let to: Vec<u32> = [node.checked_sub(1), (node + 1 < n).then_some(node + 1)]
                .into_iter()
                .flatten()
                .map(|to| to as u32)
                .collect();
            let weights = vec![0.5; to.len()];
            (to, weights)
        };
        let path = Csr::from_rows(n, &(0..n).map(row).collect::<Vec<_>>());
        let found = leading(&path, 10);
        for (at, wanted) in (1..=5).map(|k| (std::f64::consts::PI * f64::from(k) / 201.0).cos()).enumerate() {
            assert!((found[at].0 - wanted).abs() < 1e-6, "{at}: {} {wanted}", found[at].0);
            assert!((found[9 - at].0 + wanted).abs() < 1e-6, "{at}: {}", found[9 - at].0);
        }
        let (value, vector) = &found[0];
        let error: f64 = image(&path, vector).iter().zip(vector).map(|(a, b)| (a - value * b).powi(2)).sum();
        assert!(error.sqrt() < 1e-5, "{error}");
    }
}
