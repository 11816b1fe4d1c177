//! Small symmetric matrices, row-major `[n, n]`, on one thread.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, MatRef, Par};

/// Returns the inverse of a positive definite matrix, or nothing where it is not positive definite.
pub(crate) fn inverse(matrix: &[f64], n: usize) -> Option<Vec<f64>> {
    let lower = cholesky(matrix, n)?;
    // Columns of L^-1, then L^-T L^-1.
    let mut half = vec![0.0; n * n];
    for column in 0..n {
        for row in column..n {
            let known = usize::from(row == column) as f64;
            let sum: f64 = (column..row).map(|k| lower[row * n + k] * half[k * n + column]).sum();
            half[row * n + column] = (known - sum) / lower[row * n + row];
        }
    }
    let mut inverse = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let sum = (i..n).map(|k| half[k * n + i] * half[k * n + j]).sum();
            inverse[i * n + j] = sum;
            inverse[j * n + i] = sum;
        }
    }
    Some(inverse)
}

/// Returns the solution of `A X = B` for a positive definite `A [n, n]` and `B [n, m]`, or nothing where it is not.
pub(crate) fn solve(matrix: &[f64], n: usize, right: &[f64], m: usize) -> Option<Vec<f64>> {
    let lower = cholesky(matrix, n)?;
    let mut x = right.to_vec();
    for i in 0..n {
        let (done, rest) = x.split_at_mut(i * m);
        let row = &mut rest[..m];
        done.chunks_exact(m).zip(&lower[i * n..]).for_each(|(known, l)| add_scaled(row, known, -l));
        row.iter_mut().for_each(|x| *x /= lower[i * n + i]);
    }
    for i in (0..n).rev() {
        let (rest, done) = x.split_at_mut((i + 1) * m);
        let row = &mut rest[i * m..];
        let column = (i + 1..n).map(|k| lower[k * n + i]);
        done.chunks_exact(m).zip(column).for_each(|(known, l)| add_scaled(row, known, -l));
        row.iter_mut().for_each(|x| *x /= lower[i * n + i]);
    }
    Some(x)
}

fn cholesky(matrix: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut lower = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| lower[i * n + k] * lower[j * n + k]).sum();
            let rest = matrix[i * n + j] - sum;
            lower[i * n + j] = match i == j {
                true if rest > 0.0 => rest.sqrt(),
                true => return None,
                false => rest / lower[j * n + j],
            };
        }
    }
    Some(lower)
}

/// Returns the eigenvalues of a symmetric matrix in descending order and its eigenvectors as the columns of a row-major
/// matrix, each with its largest entry positive; nothing where the iteration does not converge.
pub(crate) fn eigen(matrix: &[f64], n: usize) -> Option<(Vec<f64>, Vec<f64>)> {
    let matrix = MatRef::from_row_major_slice(matrix, n, n);
    let mut values = Diag::<f64>::zeros(n);
    let mut vectors = Mat::<f64>::zeros(n, n);
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    self_adjoint_evd(
        matrix,
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .ok()?;
    let sorted = (0..n).map(|k| values.column_vector()[n - 1 - k]).collect();
    let mut columns = vec![0.0; n * n];
    for k in 0..n {
        let from = n - 1 - k;
        let largest = (0..n)
            .map(|row| vectors[(row, from)])
            .fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
        let sign = if largest < 0.0 { -1.0 } else { 1.0 };
        (0..n).for_each(|row| columns[row * n + k] = sign * vectors[(row, from)]);
    }
    Some((sorted, columns))
}

/// Adds `factor a a'` to the matrix.
pub(crate) fn add_outer(matrix: &mut [f64], a: &[f64], factor: f64) {
    for (row, x) in matrix.chunks_exact_mut(a.len()).zip(a) {
        add_scaled(row, a, factor * x);
    }
}

/// Adds `factor b` to `a`.
pub(crate) fn add_scaled(a: &mut [f64], b: &[f64], factor: f64) {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += factor * b);
}

/// Returns the row vector times the matrix `[n, m]`.
pub(crate) fn row_times(row: &[f64], matrix: &[f64], m: usize) -> Vec<f64> {
    let mut out = vec![0.0; m];
    row.iter().zip(matrix.chunks_exact(m)).for_each(|(x, of)| add_scaled(&mut out, of, *x));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverts_and_refuses() {
        let matrix = [4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0];
        let inverse = inverse(&matrix, 3).unwrap();
        let product: Vec<f64> = matrix.chunks(3).flat_map(|row| row_times(row, &inverse, 3)).collect();
        for (k, value) in product.iter().enumerate() {
            assert!((value - f64::from(u8::from(k % 4 == 0))).abs() < 1e-14, "{k}: {value}");
        }
        let x = solve(&matrix, 3, &[5.5, 1.0, 4.2, 0.0, 2.7, 0.0], 2).unwrap();
        let back: Vec<f64> = matrix.chunks(3).flat_map(|row| row_times(row, &x, 2)).collect();
        back.iter().zip([5.5, 1.0, 4.2, 0.0, 2.7, 0.0]).for_each(|(a, b)| assert!((a - b).abs() < 1e-14));
        assert!(super::inverse(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
    }

    #[test]
    fn eigenvectors_descend_with_a_positive_largest_entry() {
        let (values, vectors) = eigen(&[2.0, 0.0, 0.0, 5.0], 2).unwrap();
        assert_eq!(values, [5.0, 2.0]);
        assert_eq!(vectors, [0.0, 1.0, 1.0, 0.0]);
    }
}
