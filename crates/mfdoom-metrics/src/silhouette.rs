//! Silhouettes (Rousseeuw 1987), and the scores of labels and batches that scib makes of them.

use std::ops::Range;

use mfdoom_matrix::Matrix;
use mfdoom_matrix::Metric;
use mfdoom_matrix::distance::{Pairs, blocks};
use mfdoom_matrix::error::{Result, at_least, same};
use mfdoom_matrix::lanes::sum_of;
use rayon::prelude::*;

/// Returns the silhouette (b - a) / max(a, b) of every row: a is the mean distance to the others of its label, b
/// the smallest mean distance to another label. Alone under its label, a row has 0.
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew): fewer than two labels; [`Error::NotFinite`](crate::Error::NotFinite);
/// [`Error::Shape`](crate::Error::Shape).
pub fn silhouettes(x: &Matrix, labels: &[u32]) -> Result<Vec<f64>> {
    same("labels", labels.len(), x.n_rows())?;
    let sizes = sizes(labels);
    at_least("labels", sizes.iter().filter(|&&size| size > 0).count(), 2)?;
    // By label, so that distances to one label are summed side by side.
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|&row| labels[row]);
    let by_label = x.select_rows(&order);
    let pairs = Pairs::new(x, &by_label, Metric::Euclidean)?;
    let of_block = |block: Range<usize>| {
        let mut sums = vec![vec![0.0; sizes.len()]; block.len()];
        pairs.tiles(block.clone(), |references, tile| {
            let n = references.len();
            let pieces = pieces(&sizes, &references);
            for (row, sums) in tile.chunks_exact(n).zip(&mut sums) {
                for (label, piece) in &pieces {
                    let squares = &row[piece.clone()];
                    sums[*label] += sum_of(squares, squares, |square, _| square.max(0.0).sqrt());
                }
            }
        });
        block
            .zip(sums)
            .map(|(row, sums)| silhouette(&sums, &sizes, labels[row] as usize))
            .collect::<Vec<f64>>()
    };
    Ok(blocks(x.n_rows()).into_par_iter().flat_map_iter(of_block).collect())
}

/// Returns the labels of some of the rows in the order of labels, each with the part of these rows that it has.
fn pieces(sizes: &[usize], rows: &Range<usize>) -> Vec<(usize, Range<usize>)> {
    let ends = sizes.iter().scan(0, |end, size| {
        *end += size;
        Some(*end)
    });
    let of = |(label, (end, size)): (usize, (usize, &usize))| {
        let [from, to] = [end - size, end].map(|at| at.clamp(rows.start, rows.end) - rows.start);
        (from < to).then_some((label, from..to))
    };
    ends.zip(sizes).enumerate().filter_map(of).collect()
}

fn silhouette(sums: &[f64], sizes: &[usize], own: usize) -> f64 {
    if sizes[own] < 2 {
        return 0.0;
    }
    let a = sums[own] / (sizes[own] - 1) as f64;
    let others = (0..sizes.len()).filter(|&label| label != own && sizes[label] > 0);
    let b = others.map(|label| sums[label] / sizes[label] as f64).fold(f64::INFINITY, f64::min);
    let largest = a.max(b);
    if largest > 0.0 { (b - a) / largest } else { 0.0 }
}

fn sizes(labels: &[u32]) -> Vec<usize> {
    let mut sizes = vec![0; labels.iter().max().map_or(0, |&label| label as usize + 1)];
    labels.iter().for_each(|&label| sizes[label as usize] += 1);
    sizes
}

/// Returns the mean silhouette of the labels, moved from [-1, 1] to [0, 1]: scib's label ASW.
///
/// # Errors
/// Those of [`silhouettes`].
pub fn silhouette_label(x: &Matrix, labels: &[u32]) -> Result<f64> {
    let silhouettes = silhouettes(x, labels)?;
    Ok((silhouettes.iter().sum::<f64>() / silhouettes.len() as f64 + 1.0) / 2.0)
}

/// Returns for each cell 1 - |silhouette of the batches| within its label; NaN for labels whose cells are of one batch,
/// or all of different batches.
///
/// # Errors
/// Those of [`silhouettes`].
pub fn batch_silhouettes(x: &Matrix, labels: &[u32], batches: &[u32]) -> Result<Vec<f64>> {
    same("labels", labels.len(), x.n_rows())?;
    same("batches", batches.len(), x.n_rows())?;
    let mut found = vec![f64::NAN; x.n_rows()];
    for label in 0..sizes(labels).len() as u32 {
        let rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row] == label).collect();
        let within: Vec<u32> = rows.iter().map(|&row| batches[row]).collect();
        let n_batches = sizes(&within).iter().filter(|&&size| size > 0).count();
        if n_batches > 1 && n_batches < rows.len() {
            let silhouettes = silhouettes(&x.select_rows(&rows), &within)?;
            rows.iter().zip(silhouettes).for_each(|(&row, value)| found[row] = 1.0 - value.abs());
        }
    }
    Ok(found)
}

/// Returns scib's batch ASW: the mean over labels of the mean of [`batch_silhouettes`]; NaN, when no label has any.
///
/// # Errors
/// Those of [`silhouettes`].
pub fn silhouette_batch(x: &Matrix, labels: &[u32], batches: &[u32]) -> Result<f64> {
    Ok(mean_of_labels(&batch_silhouettes(x, labels, batches)?, labels, |_| 1.0))
}

/// Returns the mean over labels of the mean of their cells' values, each cell counted so often; NaN is no value, and NaN
/// the result without any.
///
/// ```
/// use mfdoom_metrics::mean_of_labels;
/// assert_eq!(mean_of_labels(&[1.0, 0.0, 1.0, f64::NAN], &[0, 0, 1, 2], |_| 1.0), 0.75);
/// ```
pub fn mean_of_labels(values: &[f64], labels: &[u32], times: impl Fn(usize) -> f64) -> f64 {
    let mut sums = vec![(0.0, 0.0); labels.iter().max().map_or(0, |&label| label as usize + 1)];
    for (cell, (&value, &label)) in values.iter().zip(labels).enumerate() {
        if !value.is_nan() {
            let (sum, n) = &mut sums[label as usize];
            *sum += times(cell) * value;
            *n += times(cell);
        }
    }
    let means: Vec<f64> = sums.iter().filter(|(_, n)| *n > 0.0).map(|(sum, n)| sum / n).collect();
    means.iter().sum::<f64>() / means.len() as f64
}
