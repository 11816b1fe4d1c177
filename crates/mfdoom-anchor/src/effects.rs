//! Directions in which batches lie apart where their cells are alike, and anchors without them.
//!
//! Cells of all batches are clustered together. Within a cluster they are of one kind, so what lies between the means of
//! its batches is an effect of the batch: a library, a platform, a treatment. A direction is removed where this scatter
//! between batches exceeds twice the scatter within them; then cells are clustered again without it. The model
//! keeps the other directions, so a cell needs no code of its batch, and one of a new batch is treated alike.

use crate::anchor::Anchor;
use crate::cells::{AnchorCells, Panels};
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::smooth::to_unit;
use crate::square::{add_outer, add_scaled, eigen, row_times};

/// Clusters of cells.
const CLUSTERS: usize = 20;
/// Rounds of clustering and removal, and of moving the centres of the clusters.
const ROUNDS: [usize; 2] = [5, 20];
/// Cells of a batch at least in a cluster whose mean is looked at.
const FEWEST: f64 = 5.0;
/// Scatter between batches over that within them from which a direction is removed, and from which cells are clustered
/// without it meanwhile: while a large effect stays in the clusters it hides a smaller one.
const RATIOS: [f64; 2] = [2.0, 1.0];

/// Removes the effects of batches from an anchor, by some of the cells that it was fitted to; returns how many directions
/// these were.
pub(crate) fn remove(
    anchor: &mut Anchor,
    (cells, panels): (&AnchorCells<'_>, &Panels),
    rows: &[usize],
) -> Result<usize> {
    let (d, modalities) = (anchor.dim, cells.blocks.len());
    let scores = Encoder::new(&*anchor, panels.clone()).scores(cells, rows, &vec![true; modalities]);
    let mut coordinates = scores.means;
    for row in coordinates.chunks_exact_mut(d) {
        row.iter_mut().zip(&anchor.weights).for_each(|(z, w)| *z *= w);
    }
    let batch: Vec<u32> = rows.iter().map(|cell| cells.batch[*cell]).collect();
    let apart = directions(&coordinates, &batch, d)?;
    if !apart.is_empty() {
        project(anchor, &apart)?;
    }
    Ok(apart.len())
}

/// Returns orthonormal directions in which batches lie apart, for coordinates `[n, d]`.
fn directions(coordinates: &[f64], batch: &[u32], d: usize) -> Result<Vec<Vec<f64>>> {
    let numbers = numbered(batch);
    let batches = numbers.iter().max().map_or(0, |last| last + 1);
    let mut found: Vec<Vec<f64>> = Vec::new();
    if batches < 2 {
        return Ok(found);
    }
    let mut alike = centred(coordinates, &numbers, batches, d);
    for round in 1..=ROUNDS[0] {
        let ratio = RATIOS[usize::from(round < ROUNDS[0])];
        let scatter = Scatter::new(coordinates, &clusters(alike, d), &numbers, batches, d);
        let (values, axes) = eigen(&scatter.between, d).ok_or(Error::NothingVaries)?;
        let axis = |k: usize| (0..d).map(|row| axes[row * d + k]).collect::<Vec<f64>>();
        let apart =
            |(k, axis): &(usize, Vec<f64>)| values[*k] > ratio * quadratic(&scatter.within, axis).max(1e-12);
        let axes = (0..d).map(|k| (k, axis(k)));
        found = axes.filter(apart).map(|(_, axis)| axis).take(d / 2).collect();
        if found.is_empty() {
            break;
        }
        alike = coordinates.to_vec();
        alike.chunks_exact_mut(d).for_each(|row| without(row, &found));
    }
    Ok(found)
}

/// Turns the factors so that coordinates are those of before without some directions.
fn project(anchor: &mut Anchor, apart: &[Vec<f64>]) -> Result<()> {
    let d = anchor.dim;
    // diag(w) P = R S V': coordinates z R S differ from z diag(w) P by the rotation V alone.
    let mut kept = vec![0.0; d * d];
    for (k, row) in kept.chunks_exact_mut(d).enumerate() {
        row[k] = anchor.weights[k];
        without(row, apart);
    }
    let mut square = vec![0.0; d * d];
    for (row, a) in square.chunks_exact_mut(d).zip(kept.chunks_exact(d)) {
        row.iter_mut().zip(kept.chunks_exact(d)).for_each(|(s, b)| *s = inner(a, b));
    }
    let (values, axes) = eigen(&square, d).ok_or(Error::NothingVaries)?;
    for part in &mut anchor.parts {
        part.loadings = part.loadings.chunks_exact(d).flat_map(|w| row_times(w, &axes, d)).collect();
    }
    let largest = values[0].max(f64::MIN_POSITIVE);
    anchor.weights = values.iter().map(|v| (v.max(0.0) / largest).sqrt()).collect();
    anchor.weights[d - apart.len()..].fill(0.0);
    Ok(())
}

/// Takes orthonormal directions out of a row.
fn without(row: &mut [f64], directions: &[Vec<f64>]) {
    for direction in directions {
        let along = inner(row, direction);
        add_scaled(row, direction, -along);
    }
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn quadratic(matrix: &[f64], axis: &[f64]) -> f64 {
    inner(&row_times(axis, matrix, axis.len()), axis)
}

/// Numbers batches from 0 in the order of their first cells.
fn numbered(batch: &[u32]) -> Vec<usize> {
    let mut known = std::collections::HashMap::new();
    batch
        .iter()
        .map(|batch| {
            let next = known.len();
            *known.entry(*batch).or_insert(next)
        })
        .collect()
}

/// Returns rows less the mean of their batch.
fn centred(rows: &[f64], batch: &[usize], batches: usize, d: usize) -> Vec<f64> {
    let means = Means::new(rows, batch, batches, d);
    let mut rows = rows.to_vec();
    rows.chunks_exact_mut(d).zip(batch).for_each(|(row, k)| add_scaled(row, means.of(*k), -1.0));
    rows
}

/// Means of rows by group.
struct Means {
    counts: Vec<f64>,
    means: Vec<f64>,
    d: usize,
}

impl Means {
    fn new(rows: &[f64], group: &[usize], groups: usize, d: usize) -> Self {
        let (mut counts, mut means) = (vec![0.0; groups], vec![0.0; groups * d]);
        for (row, k) in rows.chunks_exact(d).zip(group) {
            counts[*k] += 1.0;
            add_scaled(&mut means[k * d..(k + 1) * d], row, 1.0);
        }
        for (mean, n) in means.chunks_exact_mut(d).zip(&counts).filter(|(_, n)| **n > 0.0) {
            mean.iter_mut().for_each(|x| *x /= n);
        }
        Self { counts, means, d }
    }

    fn of(&self, group: usize) -> &[f64] {
        &self.means[group * self.d..(group + 1) * self.d]
    }
}

/// Returns the cluster of each row, by spherical k-means from rows that lie far from each other.
fn clusters(mut rows: Vec<f64>, d: usize) -> Vec<usize> {
    rows.chunks_exact_mut(d).for_each(to_unit);
    let n = rows.len() / d;
    let k = CLUSTERS.min(n);
    let row = |i: usize| &rows[i * d..(i + 1) * d];
    let mut mean = vec![0.0; d];
    rows.chunks_exact(d).for_each(|row| add_scaled(&mut mean, row, 1.0));
    let first = (0..n).max_by(|a, b| inner(row(*a), &mean).total_cmp(&inner(row(*b), &mean))).unwrap_or(0);
    let mut centres = row(first).to_vec();
    let mut nearest: Vec<f64> = (0..n).map(|i| inner(row(i), row(first))).collect();
    for _ in 1..k {
        let next = (0..n).min_by(|a, b| nearest[*a].total_cmp(&nearest[*b])).unwrap_or(0);
        centres.extend_from_slice(row(next));
        nearest.iter_mut().enumerate().for_each(|(i, near)| *near = near.max(inner(row(i), row(next))));
    }
    let assign = |centres: &[f64], row: &[f64]| {
        let by = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0));
        centres.chunks_exact(d).map(|c| inner(row, c)).enumerate().max_by(by).map_or(0, |(k, _)| k)
    };
    for _ in 0..ROUNDS[1] {
        let own: Vec<usize> = rows.chunks_exact(d).map(|row| assign(&centres, row)).collect();
        let means = Means::new(&rows, &own, k, d);
        for (c, centre) in centres.chunks_exact_mut(d).enumerate().filter(|(c, _)| means.counts[*c] > 0.0) {
            centre.copy_from_slice(means.of(c));
            to_unit(centre);
        }
    }
    rows.chunks_exact(d).map(|row| assign(&centres, row)).collect()
}

/// Scatter of rows between and within the batches of a cluster, over all clusters, `[d, d]`.
struct Scatter {
    between: Vec<f64>,
    within: Vec<f64>,
}

impl Scatter {
    fn new(rows: &[f64], cluster: &[usize], batch: &[usize], batches: usize, d: usize) -> Self {
        let group: Vec<usize> = cluster.iter().zip(batch).map(|(c, k)| c * batches + k).collect();
        let means = Means::new(rows, &group, CLUSTERS * batches, d);
        let mut scatter = Self { between: vec![0.0; d * d], within: vec![0.0; d * d] };
        let mut looked_at = vec![false; CLUSTERS * batches];
        for c in 0..CLUSTERS {
            let enough = |k: &usize| means.counts[*k] >= FEWEST;
            let there: Vec<usize> = (c * batches..(c + 1) * batches).filter(enough).collect();
            if there.len() < 2 {
                continue;
            }
            let (n, share) = (rows.len() / d, 1.0 / there.len() as f64);
            let mut centre = vec![0.0; d];
            there.iter().for_each(|k| add_scaled(&mut centre, means.of(*k), share));
            let cells: f64 = there.iter().map(|k| means.counts[*k]).sum();
            for k in there {
                let mut off = means.of(k).to_vec();
                add_scaled(&mut off, &centre, -1.0);
                add_outer(&mut scatter.between, &off, cells * share / n as f64);
                looked_at[k] = true;
            }
        }
        let inside = |(_, k): &(&[f64], &usize)| looked_at[**k];
        let count = group.iter().filter(|k| looked_at[**k]).count().max(1) as f64;
        for (row, k) in rows.chunks_exact(d).zip(&group).filter(inside) {
            let mut off = row.to_vec();
            add_scaled(&mut off, means.of(*k), -1.0);
            add_outer(&mut scatter.within, &off, 1.0 / count);
        }
        scatter
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngCore, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const D: usize = 6;

    /// Four kinds of cells along the first axes in two batches; the second is moved along the last axis.
    fn coordinates(shift: f64, shares: [usize; 4]) -> (Vec<f64>, Vec<u32>) {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut uniform = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
        let (mut rows, mut batch) = (Vec::new(), Vec::new());
        for data in 0..2u32 {
            for (kind, share) in shares.iter().enumerate() {
                let cells = if data == 0 { *share } else { 60 };
                for _ in 0..cells {
                    let mut row: Vec<f64> = (0..D).map(|_| uniform()).collect();
                    row[kind] += 3.0;
                    row[D - 1] += shift * f64::from(data);
                    rows.extend(row);
                    batch.push(data);
                }
            }
        }
        (rows, batch)
    }

    #[test]
    fn a_shift_is_found_and_kinds_of_cells_are_kept() {
        // The batches have the kinds in unequal shares, which is no effect of theirs.
        let (rows, batch) = coordinates(2.0, [150, 20, 60, 40]);
        let found = directions(&rows, &batch, D).unwrap();
        assert_eq!(found.len(), 1);
        assert!(found[0][D - 1].abs() > 0.95, "{found:?}");
    }

    #[test]
    fn nothing_is_removed_without_a_shift_or_a_second_data_set() {
        let (rows, batch) = coordinates(0.0, [150, 20, 60, 40]);
        assert!(directions(&rows, &batch, D).unwrap().is_empty());
        let (rows, _) = coordinates(2.0, [60; 4]);
        assert!(directions(&rows, &vec![3; rows.len() / D], D).unwrap().is_empty());
    }
}
