//! Confidence and length of a cell's velocity.

use mfdoom_matrix::Matrix;
use mfdoom_matrix::Neighbors;
use mfdoom_matrix::error::{Result, same};
use mfdoom_matrix::lanes::sum_of;
use rayon::prelude::*;

/// How far a cell's velocity agrees with its neighbours', and how long it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Confidence {
    /// Mean Pearson correlation with the velocities of the other neighbours, not below 0.
    pub confidence: Vec<f64>,
    /// Euclidean norm of the velocity, centred over its genes.
    pub length: Vec<f64>,
}

/// Computes confidence and length from velocities `[n_cells, n_velocity_genes]`.
///
/// A cell without velocity, or with such a neighbour, has NaN, as in scVelo.
///
/// # Errors
/// When velocities and neighbours differ in cells.
pub fn confidence(velocity: &Matrix, neighbors: &Neighbors) -> Result<Confidence> {
    same("cells of the velocities", velocity.n_rows(), neighbors.n_rows())?;
    let mut unit = velocity.clone();
    let width = velocity.n_cols().max(1);
    let length: Vec<f64> = unit.data_mut().par_chunks_mut(width).map(centre_to_unit).collect();
    let correlation = |i: usize| {
        let others = neighbors.indices(i);
        let sum: f64 = others.iter().map(|&j| dot(unit.row(i), unit.row(j as usize))).sum();
        let mean = sum / others.len() as f64;
        if mean < 0.0 { 0.0 } else { mean }
    };
    let confidence = (0..length.len()).into_par_iter().map(correlation).collect();
    Ok(Confidence { confidence, length })
}

/// Centres a row, scales it to length 1 and returns the length it had.
fn centre_to_unit(row: &mut [f32]) -> f64 {
    let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / row.len() as f64;
    let norm = row.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>().sqrt();
    row.iter_mut().for_each(|v| *v = ((f64::from(*v) - mean) / norm) as f32);
    norm
}

/// Returns the dot product, summed in f64.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    sum_of(a, b, |a, b| f64::from(a) * f64::from(b))
}
