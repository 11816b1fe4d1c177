//! Where the rounds begin: principal components of the cells that have most modalities, modalities of equal weight.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::anchor::Anchor;
use crate::em::Em;
use crate::error::{Error, Result};
use crate::expert::Values;
use crate::fit::{Settings, Training};
use crate::square::{add_scaled, eigen};

/// Features that are made dense at a time.
const CHUNK: usize = 1024;

/// Rows of a product that one task computes.
const TILE: usize = 128;

/// Sets the first loadings and noise.
pub(crate) fn start(
    training: &Training<'_>,
    em: &Em,
    anchor: &mut Anchor,
    settings: &Settings,
) -> Result<()> {
    let d = anchor.dim;
    let cells = fullest(training, settings.start_cells);
    let n = cells.len();
    let mut gram = vec![0.0; n * n];
    let blocks: Vec<Scaled> =
        (0..anchor.parts.len()).map(|m| Scaled::new(training, em, anchor, m, &cells)).collect();
    for block in &blocks {
        block.add_gram(&mut gram, n);
    }
    let (values, vectors) = eigen(&gram, n).ok_or(Error::NothingVaries)?;
    let rank = values.iter().take_while(|v| **v > 1e-10 * values[0]).count().min(d);
    let mut z = vec![0.0; n * d];
    for (row, from) in z.chunks_exact_mut(d).zip(vectors.chunks_exact(n)) {
        (0..rank).for_each(|k| row[k] = from[k] * (n as f64).sqrt());
    }
    for (m, block) in blocks.iter().enumerate() {
        let mut w = block.transposed_times(&z, d);
        w.iter_mut().for_each(|w| *w /= n as f64);
        jitter(&mut w, d, m as u64);
        let part = &mut anchor.parts[m];
        part.noise = (0..part.features.len())
            .map(|g| {
                let explained: f64 = w[g * d..(g + 1) * d].iter().map(|w| w * w).sum();
                em.noise(m, g, explained)
            })
            .collect();
        part.loadings = w;
    }
    Ok(())
}

/// Returns cells that have most modalities, at most `most`, evenly over the cells of the fit.
fn fullest(training: &Training<'_>, most: usize) -> Vec<usize> {
    let count = |i: usize| training.groups[training.group[i]].iter().flatten().count();
    let full = (0..training.rows.len()).map(count).max().unwrap_or(0);
    let best: Vec<usize> = (0..training.rows.len()).filter(|i| count(*i) == full).collect();
    let n = best.len().min(most.max(2));
    (0..n).map(|k| best[k * best.len() / n]).collect()
}

/// Gives features that no cell of the start measured small loadings, so that the rounds can learn them.
fn jitter(loadings: &mut [f64], d: usize, modality: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(modality);
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
    for w in loadings.chunks_exact_mut(d).filter(|w| w.iter().all(|w| *w == 0.0)) {
        w.iter_mut().for_each(|w| *w = 0.01 * uniform());
    }
}

/// Scaled values of some cells in a modality, kept sparse; a row without the modality is zero.
struct Scaled {
    /// Features with a count and their value over the deviation, by cell.
    values: Vec<Vec<(usize, f64)>>,
    /// Offset of each cell, and which of the shared baselines it has.
    offset: Vec<f64>,
    group: Vec<Option<usize>>,
    measured: Vec<Option<Vec<bool>>>,
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Scaled {
    fn new(training: &Training<'_>, em: &Em, anchor: &Anchor, m: usize, cells: &[usize]) -> Self {
        let part = &anchor.parts[m];
        let measured: Vec<Option<Vec<bool>>> = em.measured.iter().map(|of| of[m].clone()).collect();
        let mut scaled = Self {
            values: Vec::with_capacity(cells.len()),
            offset: Vec::with_capacity(cells.len()),
            group: Vec::with_capacity(cells.len()),
            measured,
            mean: part.mean.clone(),
            deviation: part.deviation.clone(),
        };
        let mut values = Values::default();
        for i in cells {
            let group = training.group[*i];
            let seen = scaled.measured[group].as_ref().map(|seen| seen.iter().filter(|s| **s).count());
            if let Some(seen) = seen {
                values.read(part, &em.rows[m], &training.cells.blocks[m], (training.rows[*i], seen));
                scaled.values.push(values.rows.iter().copied().zip(values.values.iter().copied()).collect());
                scaled.offset.push(values.offset);
                scaled.group.push(Some(group));
            } else {
                scaled.values.push(Vec::new());
                scaled.offset.push(0.0);
                scaled.group.push(None);
            }
        }
        scaled
    }

    /// Fills `row`, one cell's scaled values of the features `from..from + row.len()`.
    fn fill(&self, cell: usize, from: usize, row: &mut [f64]) {
        row.fill(0.0);
        let Some(seen) = self.group[cell].and_then(|group| self.measured[group].as_ref()) else { return };
        for (k, value) in row.iter_mut().enumerate() {
            let g = from + k;
            if seen[g] {
                *value = -(self.offset[cell] + self.mean[g]) / self.deviation[g];
            }
        }
        let values = &self.values[cell];
        let first = values.partition_point(|(g, _)| *g < from);
        let end = from + row.len();
        for (g, value) in values[first..].iter().take_while(|(g, _)| *g < end) {
            row[g - from] += value / self.deviation[*g];
        }
    }

    fn chunks(&self) -> impl Iterator<Item = (usize, usize)> {
        let n = self.mean.len();
        (0..n).step_by(CHUNK).map(move |from| (from, CHUNK.min(n - from)))
    }

    /// Returns the cells' values of some features, `[n, width]`.
    fn dense(&self, (from, width): (usize, usize)) -> Vec<f64> {
        let mut dense = vec![0.0; self.values.len() * width];
        dense.par_chunks_exact_mut(width).enumerate().for_each(|(cell, row)| self.fill(cell, from, row));
        dense
    }

    /// Adds `X X' / |X|^2` to `gram`, `[n, n]`.
    fn add_gram(&self, gram: &mut [f64], n: usize) {
        let mut own = vec![0.0; n * n];
        for chunk in self.chunks() {
            let dense = self.dense(chunk);
            let all = MatRef::from_row_major_slice(&dense, n, chunk.1);
            own.par_chunks_mut(TILE * n).enumerate().for_each(|(tile, out)| {
                let rows = out.len() / n;
                let part = all.subrows(tile * TILE, rows);
                let out = MatMut::from_row_major_slice_mut(out, rows, n);
                matmul(out, Accum::Add, part, all.transpose(), 1.0, Par::Seq);
            });
        }
        let norm: f64 = (0..n).map(|k| own[k * n + k]).sum();
        if norm > 0.0 {
            add_scaled(gram, &own, 1.0 / norm);
        }
    }

    /// Returns `X' z`, `[f, d]`.
    fn transposed_times(&self, z: &[f64], d: usize) -> Vec<f64> {
        let n = self.values.len();
        let z = MatRef::from_row_major_slice(z, n, d);
        let mut out = Vec::with_capacity(self.mean.len() * d);
        for chunk in self.chunks() {
            let dense = self.dense(chunk);
            let mut product = Mat::<f64>::zeros(chunk.1, d);
            let x = MatRef::from_row_major_slice(&dense, n, chunk.1);
            matmul(product.as_mut(), Accum::Replace, x.transpose(), z, 1.0, Par::Seq);
            out.extend((0..chunk.1).flat_map(|g| (0..d).map(move |k| (g, k))).map(|at| product[at]));
        }
        out
    }
}
