//! UMAP: the same positions for the same seed, groups apart, neighbours kept.

use mfdoom_matrix::{Csr, Error, Matrix, Metric, Neighbors, knn, umap};
use mfdoom_testing::Npz;

use crate::toy::uniform;

/// Three clouds of 60 cells in five dimensions, with the union of their neighbours as a graph of weight 1.
fn clouds() -> (Csr, Matrix) {
    let data: Vec<f32> = uniform(180 * 5, 3)
        .into_iter()
        .enumerate()
        .map(|(at, value)| value as f32 + if at % 5 == at / 5 / 60 { 3.0 } else { 0.0 })
        .collect();
    let x = Matrix::new(data, 180, 5).unwrap();
    let near = knn(&x, 10, Metric::Euclidean).unwrap();
    let mut rows = vec![std::collections::BTreeSet::new(); 180];
    for cell in 0..180 {
        for &other in near.indices(cell) {
            rows[cell].insert(other);
            rows[other as usize].insert(cell as u32);
        }
    }
    let mut indptr = vec![0];
    let indices: Vec<u32> = rows.iter().flatten().copied().collect();
    rows.iter().for_each(|row| indptr.push(indptr[indptr.len() - 1] + row.len()));
    let graph = Csr::new(180, indptr, indices.clone(), vec![1.0; indices.len()]).unwrap();
    let start = Matrix::new((0..180).flat_map(|cell| x.row(cell)[..2].to_vec()).collect(), 180, 2).unwrap();
    (graph, start)
}

#[test]
fn a_seed_settles_every_position() {
    let (graph, start) = clouds();
    let first = umap(&graph, &start, 7).unwrap();
    assert_eq!(first, umap(&graph, &start, 7).unwrap());
    assert_ne!(first, umap(&graph, &start, 8).unwrap());
    assert!(first.check_finite().is_ok() && (first.n_rows(), first.n_cols()) == (180, 2));
}

#[test]
fn clouds_stay_apart_and_together() {
    let (graph, start) = clouds();
    let near = knn(&umap(&graph, &start, 0).unwrap(), 15, Metric::Euclidean).unwrap();
    let strangers =
        (0..180).flat_map(|cell| near.indices(cell).iter().map(move |&other| (cell, other as usize)));
    assert_eq!(strangers.filter(|(cell, other)| cell / 60 != other / 60).count(), 0);
}

#[test]
fn equal_starts_come_apart_and_other_shapes_are_refused() {
    let (graph, start) = clouds();
    let same = Matrix::new(vec![1.0; 360], 180, 2).unwrap();
    let found = umap(&graph, &same, 0).unwrap();
    assert!((1..180).all(|cell| found.row(cell) != found.row(0)));
    let short = Matrix::new(vec![0.0; 20], 10, 2).unwrap();
    assert!(matches!(umap(&graph, &short, 0), Err(Error::Shape { .. })));
    let broken = Matrix::new(vec![f32::NAN; start.data().len()], 180, 2).unwrap();
    assert_eq!(umap(&graph, &broken, 0), Err(Error::NotFinite { row: 0 }));
}

/// Share of the 15 nearest cells of the reference space that are among the 15 nearest of a layout.
fn kept(space: &Neighbors, layout: &Matrix) -> f64 {
    let near = knn(layout, 15, Metric::Euclidean).unwrap();
    let shared = |cell: usize| {
        let wanted = &space.indices(cell)[..15];
        near.indices(cell).iter().filter(|other| wanted.contains(other)).count()
    };
    (0..near.n_rows()).map(shared).sum::<usize>() as f64 / (15 * near.n_rows()) as f64
}

/// On the pancreas cells as many neighbours are kept as by umap-learn on the same graph.
#[test]
fn neighbours_are_kept_as_by_umap_learn() {
    let Some(base) = Npz::shared("reference/velocity/P_base.npz") else { return };
    let (rows, columns, weights) = (base.u32("conn_row"), base.u32("conn_col"), base.f32("conn_data"));
    let n = 3696;
    let mut indptr = vec![0; n + 1];
    rows.iter().for_each(|&row| indptr[row as usize + 1] += 1);
    (0..n).for_each(|row| indptr[row + 1] += indptr[row]);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|&at| (rows[at], columns[at]));
    let (columns, weights) = order.iter().map(|&at| (columns[at], weights[at])).unzip();
    let graph = Csr::new(n, indptr, columns, weights).unwrap();
    let x = Matrix::new(base.f32("X_pca"), n, 30).unwrap();
    let start = Matrix::new((0..n).flat_map(|cell| x.row(cell)[..2].to_vec()).collect(), n, 2).unwrap();
    let space = knn(&x, 15, Metric::Euclidean).unwrap();
    let theirs = kept(&space, &Matrix::new(base.f32("X_umap"), n, 2).unwrap());
    let began = std::time::Instant::now();
    let ours = kept(&space, &umap(&graph, &start, 0).unwrap());
    eprintln!(
        "share of neighbours kept: {ours:.4}, umap-learn {theirs:.4}, PCA {:.4}; {:?}",
        kept(&space, &start),
        began.elapsed()
    );
    assert!(ours > theirs - 0.01, "{ours} {theirs}");
}
