//! The approximate search against the exact one.

use mfdoom_matrix::nearest::approximate;
use mfdoom_matrix::{Csr, Matrix, Metric, Neighbors, SizeTarget, knn, log_normalise, pca};
use mfdoom_testing::Npz;

use crate::toy::{matrix, uniform};

/// Cells along three branches of a curve in 20 dimensions, with noise in all of them.
fn branches(n: usize) -> Matrix {
    let (times, noise) = (uniform(n, 5), matrix(n, 20, 6));
    let value = |at: usize| {
        let (cell, axis) = (at / 20, at % 20);
        let (time, branch) = (times[cell] * 6.0, cell % 3);
        let curve = if axis % 3 == branch || time < 2.0 { (time + axis as f64).sin() * 4.0 } else { 0.0 };
        curve as f32 + noise.row(cell)[axis] - 0.5
    };
    Matrix::new((0..n * 20).map(value).collect(), n, 20).unwrap()
}

/// Share of the exact neighbours that are found.
fn recall(found: &Neighbors, exact: &Neighbors) -> f64 {
    let hits: usize = (0..exact.n_rows())
        .map(|row| found.indices(row).iter().filter(|at| exact.indices(row).contains(at)).count())
        .sum();
    hits as f64 / exact.all_indices().len() as f64
}

#[test]
fn nearly_all_neighbours_are_found_whatever_the_threads() {
    let x = branches(8000);
    for metric in [Metric::Euclidean, Metric::Cosine] {
        let exact = knn(&x, 29, metric).unwrap();
        let on = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| approximate(&x, 29, metric, 0).unwrap())
        };
        let found = on(1);
        let share = recall(&found, &exact);
        eprintln!("{metric:?}: {share:.4}");
        assert!(share >= 0.98, "{metric:?}: {share}");
        assert!(found == on(2) && found == on(3));
        for row in 0..8000 {
            assert!(found.distances(row).is_sorted());
            let same = found.indices(row).iter().position(|&at| at == exact.indices(row)[0]);
            assert!(same.is_none_or(|at| found.distances(row)[at] == exact.distances(row)[0]));
        }
    }
}

#[test]
fn equal_points_and_few_points_are_no_trouble() {
    let mut data = branches(3000).into_data();
    let first = data[..20].to_vec();
    data[..2500 * 20].chunks_exact_mut(20).for_each(|row| row.copy_from_slice(&first));
    let found = approximate(&Matrix::new(data, 3000, 20).unwrap(), 15, Metric::Euclidean, 0).unwrap();
    assert!((0..2500).all(|row| found.distances(row) == [0.0; 15]));
    let few = branches(40);
    let (found, exact) =
        (approximate(&few, 39, Metric::Euclidean, 0).unwrap(), knn(&few, 39, Metric::Euclidean));
    assert_eq!(found, exact.unwrap());
    assert!(approximate(&few, 40, Metric::Euclidean, 0).is_err());
}

#[test]
fn nearly_all_neighbours_of_the_pancreas_cells_are_found() {
    let Some(npz) = Npz::shared("reference/velocity/P_counts.npz") else { return };
    let part = |name| format!("spliced_{name}");
    let (indices, values) = (npz.u32(&part("indices")), npz.f32(&part("data")));
    let mut counts = Csr::new(1126, npz.usize(&part("indptr")), indices, values).unwrap();
    log_normalise(&mut counts, None, SizeTarget::Total(1e4)).unwrap();
    let x = pca(&counts, 30, 0).unwrap().scores;
    let share =
        recall(&approximate(&x, 29, Metric::Euclidean, 0).unwrap(), &knn(&x, 29, Metric::Euclidean).unwrap());
    eprintln!("pancreas: {share:.4}");
    assert!(share >= 0.98, "{share}");
}

/// The 89 neighbours of the scores of embeddings, in clusters of 50 dimensions; with MFDOOM_CELLS so many cells, and seconds.
#[test]
fn nearly_all_of_many_neighbours_are_found() {
    let n = std::env::var("MFDOOM_CELLS").map_or(6000, |cells| cells.parse().unwrap());
    let (middle, noise) = (matrix(20, 50, 7), matrix(n, 50, 8));
    let value = |at: usize| 3.0 * middle.row(at / 50 % 20)[at % 50] + noise.row(at / 50)[at % 50];
    let x = Matrix::new((0..n * 50).map(value).collect(), n, 50).unwrap();
    let clock = std::time::Instant::now();
    let exact = knn(&x, 89, Metric::Euclidean).unwrap();
    let exactly = clock.elapsed();
    let found = approximate(&x, 89, Metric::Euclidean, 0).unwrap();
    let share = recall(&found, &exact);
    eprintln!("{n} cells: {share:.4}, exact {exactly:.1?}, approximate {:.1?}", clock.elapsed() - exactly);
    assert!(share >= 0.98, "{share}");
}
