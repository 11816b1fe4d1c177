use mfdoom_matrix::{Matrix, Metric, Neighbors, knn, knn_between};

use crate::close;
use crate::toy::{labelled, matrix};

#[test]
fn euclidean_neighbours_are_those_of_scikit_learn() {
    let near = knn(&labelled().0, 6, Metric::Euclidean).unwrap();
    assert_eq!(near.indices(0), [2, 44, 11, 24, 31, 32]);
    assert_eq!(near.indices(7), [14, 58, 35, 57, 28, 23]);
    assert_eq!(near.indices(59), [47, 41, 48, 34, 51, 4]);
    close(f64::from(near.distances(0)[0]), 0.2489558309316635, 1e-7);
    close(f64::from(near.distances(0)[5]), 0.6805333495140076, 1e-7);
}

#[test]
fn cosine_neighbours_are_those_of_scikit_learn() {
    let near = knn(&labelled().0, 6, Metric::Cosine).unwrap();
    assert_eq!(near.indices(0), [2, 24, 44, 36, 32, 49]);
    assert_eq!(near.indices(7), [28, 14, 35, 58, 19, 57]);
    assert_eq!(near.indices(59), [47, 41, 34, 18, 48, 4]);
    close(f64::from(near.distances(0)[5]), 0.15547215568115375, 1e-7);
}

/// More rows than a block and more references than a tile, next to a sort of all distances.
#[test]
fn blocks_and_tiles_leave_nothing_out() {
    let (x, y) = (matrix(300, 3, 8), matrix(2500, 3, 9));
    let near = knn_between(&x, &y, 20, Metric::Euclidean).unwrap();
    for query in 0..300 {
        let squared = |reference: usize| -> f64 {
            let pairs = x.row(query).iter().zip(y.row(reference));
            pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
        };
        let mut all: Vec<(f64, u32)> =
            (0..2500).map(|reference| (squared(reference), reference as u32)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let wanted: Vec<u32> = all[..20].iter().map(|&(_, reference)| reference).collect();
        assert_eq!(near.indices(query), wanted);
        close(f64::from(near.distances(query)[19]), all[19].0.sqrt(), 1e-7);
    }
}

/// Far from the origin the matrix product alone would order these by rounding.
#[test]
fn equal_distances_go_by_index() {
    let x = Matrix::new([12345.678f32, -0.1, 77.7].repeat(400), 400, 3).unwrap();
    let near = knn(&x, 3, Metric::Euclidean).unwrap();
    assert_eq!(near.indices(0), [1, 2, 3]);
    assert_eq!(near.indices(399), [0, 1, 2]);
    assert_eq!(near.distances(5), [0.0; 3]);
    let cosine = knn(&x, 3, Metric::Cosine).unwrap();
    assert_eq!(cosine.indices(1), [0, 2, 3]);
}

#[test]
fn a_vector_of_zeros_is_at_one_from_everything_by_cosine() {
    let x = Matrix::new(vec![0.0, 0.0, 1.0, 0.0, -1.0, 0.0], 3, 2).unwrap();
    let near = knn(&x, 2, Metric::Cosine).unwrap();
    assert_eq!((near.indices(0), near.distances(0)), (&[1, 2][..], &[1.0, 1.0][..]));
    assert_eq!((near.indices(1), near.distances(1)), (&[0, 2][..], &[1.0, 2.0][..]));
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let x = matrix(5, 2, 1);
    assert!(knn(&x, 5, Metric::Euclidean).is_err());
    assert!(knn(&x, 0, Metric::Euclidean).is_err());
    assert!(knn_between(&x, &matrix(5, 3, 1), 1, Metric::Euclidean).is_err());
    let broken = Matrix::new(vec![0.0, 1.0, f32::NAN, 2.0], 4, 1).unwrap();
    assert_eq!(
        knn(&broken, 1, Metric::Euclidean).unwrap_err().to_string(),
        "row 2 holds a value that is not finite"
    );
}

#[test]
fn impossible_neighbours_are_refused() {
    assert!(Neighbors::new(0, vec![], vec![]).is_err());
    assert!(Neighbors::new(1, vec![1, 0], vec![1.0]).is_err());
    assert!(Neighbors::new(2, vec![1, 2, 0], vec![1.0; 3]).is_err());
    let wild = Neighbors::new(1, vec![1, 5], vec![1.0; 2]).unwrap_err();
    assert_eq!(wild.to_string(), "cell 1 names cell 5 as neighbour, of 2 cells");
    let own = Neighbors::new(1, vec![1, 1], vec![1.0; 2]).unwrap_err();
    assert_eq!(own.to_string(), "cell 1 is named as its own neighbour");
    let near = Neighbors::new(1, vec![1, 2, 1], vec![1.0; 3]).unwrap();
    assert_eq!(near.reachable(0), [0, 1, 2]);
}
