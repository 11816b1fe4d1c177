//! The second half of a cell's coordinates: kernel ridge regression from its own coordinates, of whatever modalities,
//! to the mean of its neighbours' joint ones.
//!
//! A posterior mean carries the noise of the cell's counts. The mean over the nearest cells of the fit does not, and can
//! be predicted from all modalities together as from each alone:
//! `t(u) = centre + sum over landmarks l of exp(-|u - l|^2) c_l`, with `u` a cell's coordinates at unit length. The
//! coefficients solve `(K'K + penalty K_LL) c = K'(T - centre)` over the cells' joint coordinates and those of each
//! of their modalities alone; the landmarks are evenly drawn from these (Nystrom).

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::anchor::Anchor;
use crate::cells::AnchorCells;
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::square::{add_scaled, solve};

/// Nearest cells, the cell itself among them.
const NEIGHBOURS: usize = 15;
/// Most cells whose neighbours are searched.
const CELLS: usize = 8192;
/// Most landmarks.
const LANDMARKS: usize = 512;
/// Penalty of the ridge.
const PENALTY: f64 = 3.0;
/// Cells of a task.
const TILE: usize = 256;

/// The fitted regression.
#[derive(Clone, Debug, PartialEq)]
pub struct Smoother {
    /// Coordinates at unit length, `[l, d]`.
    pub landmarks: Vec<f64>,
    /// Coefficients, `[l, d]`.
    pub coefficients: Vec<f64>,
    /// What is predicted far from all landmarks, `[d]`.
    pub centre: Vec<f64>,
}

impl Smoother {
    /// Fits the regression to some of the cells that the anchor was fitted to.
    pub(crate) fn fit(
        encoder: &mut Encoder<&Anchor>,
        cells: &AnchorCells<'_>,
        rows: &[usize],
    ) -> Result<Self> {
        let d = encoder.dim();
        let modalities = cells.blocks.len();
        let joint = encoder.unit(cells, rows, &vec![true; modalities]);
        let targets = neighbour_means(&joint.means, d);
        let (mut inputs, mut outputs) = (joint.means.clone(), targets.clone());
        for m in 0..modalities {
            let alone = encoder.unit(cells, rows, &(0..modalities).map(|k| k == m).collect::<Vec<_>>());
            for (i, _) in alone.present.iter().enumerate().filter(|(_, present)| **present) {
                inputs.extend_from_slice(&alone.means[i * d..(i + 1) * d]);
                outputs.extend_from_slice(&targets[i * d..(i + 1) * d]);
            }
        }
        Self::regress(&inputs, &outputs, d)
    }

    fn regress(inputs: &[f64], outputs: &[f64], d: usize) -> Result<Self> {
        let n = inputs.len() / d;
        let l = n.min(LANDMARKS);
        let landmarks: Vec<f64> = (0..l).flat_map(|k| inputs[k * n / l * d..][..d].iter().copied()).collect();
        let mut centre = vec![0.0; d];
        outputs.chunks_exact(d).for_each(|row| add_scaled(&mut centre, row, 1.0 / n as f64));
        let parts: Vec<(Vec<f64>, Vec<f64>)> = tiles(n, 4 * TILE)
            .into_par_iter()
            .map(|rows| {
                let kernel = kernel(&inputs[rows.start * d..rows.end * d], &landmarks, d);
                let mut wanted = outputs[rows.start * d..rows.end * d].to_vec();
                wanted.chunks_exact_mut(d).for_each(|row| add_scaled(row, &centre, -1.0));
                (inner(&kernel, &kernel, rows.len()), inner(&kernel, &wanted, rows.len()))
            })
            .collect();
        let mut normal = kernel(&landmarks, &landmarks, d);
        normal.iter_mut().for_each(|k| *k *= PENALTY);
        (0..l).for_each(|k| normal[k * l + k] += 1e-6);
        let mut right = vec![0.0; l * d];
        for (squares, cross) in &parts {
            add_scaled(&mut normal, squares, 1.0);
            add_scaled(&mut right, cross, 1.0);
        }
        let coefficients = solve(&normal, l, &right, d).ok_or(Error::NothingVaries)?;
        Ok(Self { landmarks, coefficients, centre })
    }

    /// Returns the predictions at unit length for coordinates `[n, d]` at unit length.
    pub(crate) fn smooth(&self, units: &[f64]) -> Vec<f64> {
        let d = self.centre.len();
        let mut smooth = vec![0.0; units.len()];
        smooth.par_chunks_mut(TILE * d).zip(units.par_chunks(TILE * d)).for_each(|(to, from)| {
            let kernel = kernel(from, &self.landmarks, d);
            for (row, weights) in to.chunks_exact_mut(d).zip(kernel.chunks_exact(self.landmarks.len() / d)) {
                row.copy_from_slice(&self.centre);
                for (weight, c) in weights.iter().zip(self.coefficients.chunks_exact(d)) {
                    add_scaled(row, c, *weight);
                }
                to_unit(row);
            }
        });
        smooth
    }
}

/// Returns cells of the fit for the regression.
pub(crate) fn drawn(rows: &[usize]) -> Vec<usize> {
    let n = rows.len().min(CELLS);
    (0..n).map(|k| rows[k * rows.len() / n]).collect()
}

/// Scales a vector to length 1; the zero vector stays.
pub(crate) fn to_unit(row: &mut [f64]) {
    let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|x| *x /= length);
    }
}

/// Returns `exp(-|a - b|^2)` of all rows of `a` and `b`.
fn kernel(a: &[f64], b: &[f64], d: usize) -> Vec<f64> {
    let square = |row: &[f64]| row.iter().map(|x| x * x).sum::<f64>();
    let of_b: Vec<f64> = b.chunks_exact(d).map(square).collect();
    let mut kernel = products(a, b, d);
    for (row, of_a) in kernel.chunks_exact_mut(of_b.len()).zip(a.chunks_exact(d).map(square)) {
        row.iter_mut().zip(&of_b).for_each(|(k, of_b)| *k = (-(of_a + of_b - 2.0 * *k).max(0.0)).exp());
    }
    kernel
}

/// Returns `A B'` of row-major matrices with rows of length `d`.
fn products(a: &[f64], b: &[f64], d: usize) -> Vec<f64> {
    let (n, m) = (a.len() / d, b.len() / d);
    let mut out = vec![0.0; n * m];
    let (a, b) = (MatRef::from_row_major_slice(a, n, d), MatRef::from_row_major_slice(b, m, d));
    matmul(MatMut::from_row_major_slice_mut(&mut out, n, m), Accum::Replace, a, b.transpose(), 1.0, Par::Seq);
    out
}

/// Returns `A' B` of row-major matrices with `n` rows.
fn inner(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let (p, q) = (a.len() / n, b.len() / n);
    let mut out = vec![0.0; p * q];
    let (a, b) = (MatRef::from_row_major_slice(a, n, p), MatRef::from_row_major_slice(b, n, q));
    matmul(MatMut::from_row_major_slice_mut(&mut out, p, q), Accum::Replace, a.transpose(), b, 1.0, Par::Seq);
    out
}

fn tiles(n: usize, size: usize) -> Vec<Range<usize>> {
    (0..n).step_by(size).map(|start| start..(start + size).min(n)).collect()
}

/// Returns the mean over each row's nearest rows by inner product, ties by number, `[n, d]`.
fn neighbour_means(units: &[f64], d: usize) -> Vec<f64> {
    let n = units.len() / d;
    let k = NEIGHBOURS.min(n);
    let mut means = vec![0.0; n * d];
    means.par_chunks_mut(TILE * d).zip(units.par_chunks(TILE * d)).for_each(|(to, from)| {
        let similar = products(from, units, d);
        for (mean, row) in to.chunks_exact_mut(d).zip(similar.chunks_exact(n)) {
            let mut order: Vec<usize> = (0..n).collect();
            let nearer = |a: &usize, b: &usize| row[*b].total_cmp(&row[*a]).then(a.cmp(b));
            if k < n {
                order.select_nth_unstable_by(k - 1, nearer);
            }
            order.truncate(k);
            order.sort_unstable();
            order.iter().for_each(|j| add_scaled(mean, &units[j * d..(j + 1) * d], 1.0 / k as f64));
        }
    });
    means
}
