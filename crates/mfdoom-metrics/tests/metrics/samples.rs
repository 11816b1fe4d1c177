//! Scores that tell two samples apart.

use mfdoom_matrix::Matrix;
use mfdoom_metrics::{Forest, Logistic, alignment, auroc, covered, mmd, uniformity};

use crate::close;
use crate::toy::{matrix, uniform};

fn moved(x: &Matrix, by: f32) -> Matrix {
    Matrix::new(x.data().iter().map(|value| value + by).collect(), x.n_rows(), x.n_cols()).unwrap()
}

#[test]
fn equal_samples_have_no_discrepancy_and_moved_ones_do() {
    let (a, b) = (matrix(300, 4, 1), matrix(300, 4, 2));
    let same = mmd(&a, &b).unwrap();
    assert!(same.abs() < 0.004, "{same}");
    assert!(mmd(&a, &moved(&b, 0.5)).unwrap() > 0.2);
    assert!(mmd(&a, &matrix(300, 5, 2)).is_err() && mmd(&a, &matrix(1, 4, 2)).is_err());
}

#[test]
fn classifiers_tell_moved_samples_apart_and_equal_ones_not() {
    let halves = |x: &Matrix, y: &Matrix| {
        let rows: Vec<usize> = (0..200).collect();
        let all = Matrix::new([x.data(), y.data()].concat(), 400, 4).unwrap();
        let train: Vec<usize> = rows
            .iter()
            .flat_map(|row| [row, row])
            .enumerate()
            .map(|(at, row)| 200 * (at % 2) + row)
            .filter(|row| row % 200 < 100)
            .collect();
        let test: Vec<usize> = (0..400).filter(|row| row % 200 >= 100).collect();
        let classes = |rows: &[usize]| rows.iter().map(|&row| row >= 200).collect::<Vec<bool>>();
        let (known, asked) = (all.select_rows(&train), all.select_rows(&test));
        let forest = Forest::fit(&known, &classes(&train), 0).unwrap().predict(&asked);
        let logistic = Logistic::fit(&known, &classes(&train)).unwrap().predict(&asked);
        [auroc(&forest, &classes(&test)), auroc(&logistic, &classes(&test))]
    };
    let (a, b) = (matrix(200, 4, 1), matrix(200, 4, 2));
    let same = halves(&a, &b);
    assert!(same.iter().all(|area| (0.35..0.65).contains(area)), "{same:?}");
    let apart = halves(&a, &moved(&b, 0.5));
    assert!(apart.iter().all(|area| *area > 0.9), "{apart:?}");
    // Corners of a square: no line parts them, a tree does.
    let signs = uniform(800, 5);
    let corner = |row: usize| [0, 1].map(|axis| signs[2 * row + axis] as f32 - 0.5);
    let x = Matrix::new((0..400).flat_map(corner).collect(), 400, 2).unwrap();
    let classes: Vec<bool> = (0..400).map(|row| corner(row)[0] * corner(row)[1] > 0.0).collect();
    let all: Vec<usize> = (0..400).collect();
    let (train, test) = all.split_at(200);
    let (known, asked) = (x.select_rows(train), x.select_rows(test));
    let forest = Forest::fit(&known, &classes[..200], 0).unwrap().predict(&asked);
    assert!(auroc(&forest, &classes[200..]) > 0.95);
    let logistic = Logistic::fit(&known, &classes[..200]).unwrap().predict(&asked);
    assert!(auroc(&logistic, &classes[200..]) < 0.7);
}

#[test]
fn balls_cover_what_is_within_them() {
    let support = Matrix::new(vec![0.0, 1.0, 2.0, 10.0], 4, 1).unwrap();
    let points = Matrix::new(vec![0.5, 3.5, 17.0, 19.0], 4, 1).unwrap();
    // Radii to the nearest other: 1, 1, 1, 8.
    assert_eq!(covered(&points, &support, 1).unwrap(), [true, true, true, false]);
    assert!(covered(&points, &support, 4).is_err());
}

#[test]
fn unit_vectors_align_and_spread_as_by_hand() {
    let of = |values: &[f32]| Matrix::new(values.to_vec(), values.len() / 2, 2).unwrap();
    let (a, b) = (of(&[2.0, 0.0, 0.0, 1.0]), of(&[0.0, 3.0, 0.0, 5.0]));
    let found = alignment(&a, &b).unwrap();
    close(found[0], 2.0, 1e-12);
    close(found[1], 0.0, 1e-12);
    close(uniformity(&a).unwrap(), -4.0, 1e-9);
    close(uniformity(&of(&[1.0, 0.0, 1.0, 0.0])).unwrap(), 0.0, 1e-9);
}
