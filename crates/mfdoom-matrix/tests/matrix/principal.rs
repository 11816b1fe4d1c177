use mfdoom_matrix::{Csr, Matrix, Pca, SizeTarget, log_normalise, pca};

use crate::close;
use crate::toy::matrix;

/// scikit-learn: PCA(4, svd_solver="full") on the same numbers in f64.
#[test]
fn dense_components_are_those_of_scikit_learn() {
    let found = pca(&matrix(30, 4, 5), 4, 0).unwrap();
    let variances = [0.1264176582774924, 0.08894492477520036, 0.06743382592313517, 0.0426022113478946];
    let third = [-0.3795492855683681, 0.26475654104491175, 0.28431408640569167, 0.008571229804182345];
    for component in 0..4 {
        close(found.explained_variance[component], variances[component], 1e-7);
        close(f64::from(found.scores.row(3)[component]), third[component], 1e-6);
    }
    close(found.explained_variance_ratio().iter().sum(), 1.0, 1e-9);
}

fn sparse(n_rows: usize, n_cols: usize, seed: u32) -> (Csr, Matrix) {
    let dense = matrix(n_rows, n_cols, seed);
    let mut data: Vec<f32> = dense.data().iter().map(|&v| if v > 0.8 { v } else { 0.0 }).collect();
    // A few directions that stand out, as in real data.
    for (at, value) in data.iter_mut().enumerate() {
        let (row, column) = (at / n_cols, at % n_cols);
        *value *= 1.0 + (row % 7) as f32 * f32::from(u8::from(column % 5 == 0));
    }
    let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
    for row in data.chunks(n_cols) {
        for (column, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
            indices.push(column as u32);
            values.push(value);
        }
        indptr.push(indices.len());
    }
    (Csr::new(n_cols, indptr, indices, values).unwrap(), Matrix::new(data, n_rows, n_cols).unwrap())
}

fn largest_difference(a: &Pca, b: &Pca, k: usize) -> f64 {
    let rows = 0..a.scores.n_rows();
    let differences = rows.flat_map(|row| {
        let pairs = a.scores.row(row)[..k].iter().zip(&b.scores.row(row)[..k]);
        pairs.map(|(x, y)| f64::from((x - y).abs())).collect::<Vec<_>>()
    });
    differences.fold(0.0, f64::max)
}

/// 400 columns: eight components by iteration, all of them (so that the basis is whole) exactly.
#[test]
fn the_iteration_ends_at_the_exact_decomposition() {
    let (csr, dense) = sparse(500, 400, 3);
    let (iterated, exact) = (pca(&csr, 8, 0).unwrap(), pca(&dense, 400, 0).unwrap());
    assert!(iterated.residual > 0.0 && iterated.residual < 1e-6, "{}", iterated.residual);
    for component in 0..8 {
        let wanted = exact.explained_variance[component];
        close(iterated.explained_variance[component], wanted, 1e-9 * wanted);
    }
    assert!(largest_difference(&iterated, &exact, 8) < 1e-4, "{}", largest_difference(&iterated, &exact, 8));
    close(iterated.total_variance, exact.explained_variance.iter().sum(), 1e-9 * iterated.total_variance);
}

#[test]
fn the_seed_does_not_decide_the_components() {
    let (csr, _) = sparse(500, 400, 3);
    let (one, two) = (pca(&csr, 8, 1).unwrap(), pca(&csr, 8, 2).unwrap());
    assert!(largest_difference(&one, &two, 8) < 1e-4);
    assert_eq!(one.scores, pca(&csr, 8, 1).unwrap().scores);
}

#[test]
fn loadings_are_orthonormal_and_point_upwards() {
    let found = pca(&sparse(200, 300, 4).0, 6, 0).unwrap();
    let column = |k: usize| found.loadings.iter().skip(k).step_by(6).copied().collect::<Vec<f64>>();
    for i in 0..6 {
        for j in 0..6 {
            let product: f64 = column(i).iter().zip(column(j)).map(|(a, b)| a * b).sum();
            close(product, f64::from(u8::from(i == j)), 1e-9);
        }
        let largest = column(i).into_iter().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap();
        assert!(largest > 0.0);
    }
}

/// Fewer cells than the basis has vectors, and a matrix of rank one.
#[test]
fn low_rank_is_no_trouble() {
    let (csr, _) = sparse(20, 900, 6);
    let found = pca(&csr, 19, 0).unwrap();
    close(found.explained_variance.iter().sum(), found.total_variance, 1e-8 * found.total_variance);
    let line: Vec<f32> = (0..600).map(|at| (at / 300) as f32 * (at % 300) as f32).collect();
    let found = pca(&Matrix::new(line, 2, 300).unwrap(), 2, 0).unwrap();
    close(found.explained_variance[1], 0.0, 1e-6 * found.total_variance);
    let constant = pca(&Matrix::new(vec![3.0; 600], 2, 300).unwrap(), 2, 0).unwrap();
    assert_eq!(constant.total_variance, 0.0);
    // Zero up to rounding, which depends on the matrix product of the machine.
    constant.scores.row(1).iter().for_each(|score| close(f64::from(*score), 0.0, 1e-12));
}

#[test]
fn what_has_no_components_is_refused() {
    let x = matrix(5, 3, 1);
    assert!(pca(&x, 0, 0).is_err());
    assert!(pca(&x, 4, 0).is_err());
    assert!(pca(&matrix(1, 3, 1), 1, 0).is_err());
    assert!(pca(&Matrix::new(vec![f32::INFINITY, 1.0], 2, 1).unwrap(), 1, 0).is_err());
}

#[test]
fn counts_are_scaled_and_logged() {
    let counts = || Csr::new(3, vec![0, 2, 2, 3], vec![0, 2, 1], vec![1.0, 3.0, 8.0]).unwrap();
    let mut total = counts();
    log_normalise(&mut total, None, SizeTarget::Total(100.0)).unwrap();
    close(f64::from(total.row(0).1[0]), 26f64.ln(), 1e-6);
    close(f64::from(total.row(0).1[1]), 76f64.ln(), 1e-6);
    assert!(total.row(1).1.is_empty());
    close(f64::from(total.row(2).1[0]), 101f64.ln(), 1e-6);
    let mut median = counts();
    log_normalise(&mut median, None, SizeTarget::Median).unwrap();
    close(f64::from(median.row(2).1[0]), 7f64.ln(), 1e-6); // sizes 4 and 8, the empty cell left out
    let mut given = counts();
    log_normalise(&mut given, Some(&[10.0, 0.0, 100.0]), SizeTarget::Total(100.0)).unwrap();
    close(f64::from(given.row(0).1[0]), 11f64.ln(), 1e-6);
    assert!(log_normalise(&mut given, Some(&[10.0]), SizeTarget::Median).is_err());
}

#[test]
fn contradicting_parts_are_no_matrix() {
    assert!(Csr::new(3, vec![0, 2], vec![0, 3], vec![1.0, 1.0]).is_err());
    assert!(Csr::new(3, vec![0, 2, 1], vec![0], vec![1.0]).is_err());
    assert!(Csr::new(3, vec![], vec![], vec![]).is_err());
    assert!(Csr::new(3, vec![0, 1], vec![0], vec![]).is_err());
    assert!(Matrix::new(vec![0.0; 5], 2, 3).is_err());
}
