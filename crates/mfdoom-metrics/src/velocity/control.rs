//! Fields that know nothing of the cells: what a score must be compared with.

use mfdoom_matrix::Matrix;
use mfdoom_matrix::random::{Purpose, generator};
use rand::seq::SliceRandom;

/// Returns the field in which every cell has the mean velocity [n_cells, n_genes]; a gene without any stays NaN.
pub fn constant_field(velocity: &Matrix) -> Matrix {
    let (n, genes) = (velocity.n_rows(), velocity.n_cols());
    let mut sums = vec![(0.0, 0.0); genes];
    for cell in 0..n {
        for ((sum, count), &value) in sums.iter_mut().zip(velocity.row(cell)) {
            if value.is_finite() {
                *sum += f64::from(value);
                *count += 1.0;
            }
        }
    }
    let mean: Vec<f32> = sums.into_iter().map(|(sum, count)| (sum / count) as f32).collect();
    Matrix::new(mean.repeat(n), n, genes).unwrap_or_default()
}

/// Returns the velocities [n_cells, n_genes] dealt out to the cells anew, by the seed.
pub fn shuffled_field(velocity: &Matrix, seed: u64) -> Matrix {
    let mut cells: Vec<usize> = (0..velocity.n_rows()).collect();
    cells.shuffle(&mut generator(seed, Purpose::Shuffle));
    velocity.select_rows(&cells)
}
