//! Canonical correlations against numpy's singular values on the same numbers.

use mfdoom_matrix::{Cca, Error, Matrix};

use crate::close;
use crate::toy::matrix;

/// 40 rows of four and of three columns, of which the first two are those of the other block and noise.
fn data() -> (Matrix, Matrix) {
    let (x, mut y) = (matrix(40, 4, 1), matrix(40, 3, 5));
    for row in 0..40 {
        (0..2).for_each(|column| y.row_mut(row)[column] += x.row(row)[column]);
    }
    (x, y)
}

/// Sums over rows of the products of two coordinates.
fn products(a: &Matrix, b: &Matrix) -> [f64; 2] {
    let of =
        |at: usize| (0..a.n_rows()).map(|row| f64::from(a.row(row)[at]) * f64::from(b.row(row)[at])).sum();
    [of(0), of(1)]
}

#[test]
fn directions_are_those_of_numpy() {
    let (x, y) = data();
    let wanted = [
        (0.1, [0.72081282, 0.64428819], [18.53105459, 14.86253461], [14.60602756, 10.43049991]),
        (0.0, [0.79004059, 0.70183565], [24.34240106, 19.21035792], [19.23148483, 13.48251405]),
    ];
    for (ridge, correlations, squares, crossed) in wanted {
        let found = Cca::fit(&x, &y, 2, ridge).unwrap();
        found.correlations.iter().zip(correlations).for_each(|(found, wanted)| close(*found, wanted, 1e-6));
        let (first, second) = (found.first(&x).unwrap(), found.second(&y).unwrap());
        products(&first, &first)
            .into_iter()
            .zip(squares)
            .for_each(|(found, wanted)| close(found, wanted, 1e-3));
        products(&first, &second)
            .into_iter()
            .zip(crossed)
            .for_each(|(found, wanted)| close(found, wanted, 1e-3));
    }
    assert_eq!(Cca::fit(&x, &y, 9, 0.1).unwrap().correlations.len(), 3, "no more than the smaller block has");
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let (x, y) = data();
    assert!(matches!(Cca::fit(&x, &matrix(39, 3, 5), 2, 0.1), Err(Error::Shape { .. })));
    assert!(matches!(Cca::fit(&x, &Matrix::filled(40, 2, 1.0), 2, 0.1), Err(Error::Unusable(_))));
    assert!(Cca::fit(&x, &y, 2, 0.1).unwrap().first(&y).is_err());
}
