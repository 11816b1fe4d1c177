//! Projection of velocities onto an embedding: the expected step under the transition probabilities.

use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Result, same};
use rayon::prelude::*;

use super::cosine::VelocityGraph;
use super::transition::transitions;

/// Returns the projected velocities `[n_cells, dim]`, not autoscaled.
///
/// With [`transitions`] p and unit steps e to each cell, the result is `sum p e - mean(p) sum e`, over the other cells
/// of the row (Bergen 2020, velocity embedding).
///
/// # Errors
/// When embedding and graph differ in cells.
pub fn project(embedding: &Matrix, graph: &VelocityGraph) -> Result<Matrix> {
    same("cells of the embedding", embedding.n_rows(), graph.cosines.n_rows())?;
    let dim = embedding.n_cols();
    let mut out = Matrix::filled(embedding.n_rows(), dim, 0.0);
    if dim == 0 {
        return Ok(out);
    }
    out.data_mut().par_chunks_mut(dim).enumerate().for_each(|(i, row)| {
        let (columns, values) = transitions(graph, i);
        let (mut step, mut expected, mut sum) = (vec![0.0; dim], vec![0.0; dim], vec![0.0; dim]);
        let (mut probability, mut count) = (0.0, 0.0);
        for (&j, &p) in columns.iter().zip(&values).filter(|&(&j, &p)| j as usize != i && p != 0.0) {
            unit_step(embedding.row(i), embedding.row(j as usize), &mut step);
            for d in 0..dim {
                expected[d] += f64::from(p) * step[d];
                sum[d] += step[d];
            }
            probability += f64::from(p);
            count += 1.0;
        }
        if count > 0.0 {
            for d in 0..dim {
                row[d] = (expected[d] - probability / count * sum[d]) as f32;
            }
        }
    });
    Ok(out)
}

/// Writes the direction from one point to another, 0 where they coincide.
fn unit_step(from: &[f32], to: &[f32], step: &mut [f64]) {
    for (d, slot) in step.iter_mut().enumerate() {
        *slot = f64::from(to[d]) - f64::from(from[d]);
    }
    let norm = step.iter().map(|x| x * x).sum::<f64>().sqrt();
    if norm > 0.0 {
        step.iter_mut().for_each(|x| *x /= norm);
    }
}

/// Height over width of the drawing area of a default 6.4 x 4.8 inch figure.
const ASPECT: f64 = (4.8 * 0.77) / (6.4 * 0.775);
/// Axes are this much wider than the range of the data.
const MARGINS: f64 = 1.1;

/// Divides projected velocities `[n_cells, 2]` by the one factor that makes arrows of a usual length.
///
/// The factor is three times the scale that matplotlib's quiver chooses for these arrows on default axes, as in
/// scVelo. Velocities of other dimensions than two are left as they are.
pub fn autoscale(embedding: &Matrix, velocity: &mut Matrix) {
    let n = velocity.n_rows() as f64;
    let largest = embedding.data().iter().fold(0.0_f32, |a, b| a.max(b.abs()));
    if velocity.n_cols() != 2 || largest == 0.0 {
        return;
    }
    let (width, height) = (range(embedding, 0) * MARGINS, range(embedding, 1) * MARGINS / ASPECT);
    let length = |v: &[f32]| (f64::from(v[0]) / width).hypot(f64::from(v[1]) / height);
    let mean = velocity.data().chunks_exact(2).map(length).sum::<f64>() / n;
    // Coordinates enter quiver divided by `largest`, which cancels once: lengths are shares of the range.
    let scale = 1.8 * mean * n.sqrt().max(10.0);
    if scale > 0.0 && scale.is_finite() {
        velocity.data_mut().iter_mut().for_each(|v| *v = (f64::from(*v) / (3.0 * scale)) as f32);
    }
}

/// Returns the range of one coordinate.
fn range(embedding: &Matrix, d: usize) -> f64 {
    let along = || (0..embedding.n_rows()).map(|i| f64::from(embedding.row(i)[d]));
    along().fold(f64::NEG_INFINITY, f64::max) - along().fold(f64::INFINITY, f64::min)
}
