//! Small data that scikit-learn was given too: a linear congruential generator is the same everywhere.

use mfdoom_matrix::Matrix;

/// Returns `n` numbers in [0, 1).
pub fn uniform(n: usize, seed: u32) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state) / 4_294_967_296.0
    };
    (0..n).map(|_| next()).collect()
}

/// Returns a matrix of such numbers.
pub fn matrix(n_rows: usize, n_cols: usize, seed: u32) -> Matrix {
    let data = uniform(n_rows * n_cols, seed).into_iter().map(|value| value as f32).collect();
    Matrix::new(data, n_rows, n_cols).unwrap()
}

/// Returns 60 points in five dimensions with three labels, which move the first coordinate.
pub fn labelled() -> (Matrix, Vec<u32>) {
    let labels: Vec<u32> = uniform(60, 2).into_iter().map(|value| (value * 3.0) as u32).collect();
    let mut data = matrix(60, 5, 1).data().to_vec();
    data.iter_mut().step_by(5).zip(&labels).for_each(|(value, &label)| *value += label as f32);
    (Matrix::new(data, 60, 5).unwrap(), labels)
}
