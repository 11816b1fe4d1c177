//! Maximum mean discrepancy (Gretton et al. 2012).

use mfdoom_matrix::distance::{Pairs, blocks};
use mfdoom_matrix::error::{Result, at_least};
use mfdoom_matrix::{Matrix, Metric, median, subsample};
use rayon::prelude::*;

/// Bandwidths of the kernels, in medians of the distances between all points.
const BANDWIDTHS: [f64; 3] = [0.5, 1.0, 2.0];
/// Points that the median is taken over.
const SAMPLE: usize = 500;

/// Returns the unbiased estimate of the squared discrepancy of two samples [n, d] and [m, d]: 0 is expected of equal
/// distributions, and it may be below. The kernel is the mean of three Gaussians around the median distance.
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew): fewer than two rows of either; [`Error::NotFinite`](crate::Error::NotFinite);
/// [`Error::Shape`](crate::Error::Shape): another number of columns.
pub fn mmd(a: &Matrix, b: &Matrix) -> Result<f64> {
    at_least("cells of a sample", a.n_rows().min(b.n_rows()), 2)?;
    let widths = widths(a, b)?;
    let (within_a, within_b) = (mean_kernel(a, a, &widths, true)?, mean_kernel(b, b, &widths, true)?);
    Ok(within_a + within_b - 2.0 * mean_kernel(a, b, &widths, false)?)
}

/// Returns 1 / (2 bandwidth²) of each kernel.
fn widths(a: &Matrix, b: &Matrix) -> Result<Vec<f64>> {
    let mut rows = a.select_rows(&subsample(a.n_rows(), SAMPLE, 0)).into_data();
    rows.extend(b.select_rows(&subsample(b.n_rows(), SAMPLE, 0)).into_data());
    let n = rows.len() / a.n_cols().max(1);
    let all = Matrix::new(rows, n, a.n_cols())?;
    let pairs = Pairs::new(&all, &all, Metric::Euclidean)?;
    let squares = (0..n).flat_map(|row| (0..row).map(move |other| (row, other)));
    let mut squares: Vec<f64> = squares.map(|(row, other)| pairs.exact(row, other)).collect();
    let middle = median(&mut squares).unwrap_or(1.0).max(f64::MIN_POSITIVE);
    Ok(BANDWIDTHS.iter().map(|width| 1.0 / (2.0 * width * width * middle)).collect())
}

fn mean_kernel(a: &Matrix, b: &Matrix, widths: &[f64], skip_self: bool) -> Result<f64> {
    let pairs = Pairs::new(a, b, Metric::Euclidean)?;
    let kernel = |square: f64| widths.iter().map(|width| (-width * square.max(0.0)).exp()).sum::<f64>();
    let of_block = |block: std::ops::Range<usize>| {
        let mut sum = 0.0;
        pairs.tiles(block.clone(), |references, tile| {
            for (row, query) in tile.chunks_exact(references.len()).zip(block.clone()) {
                let others = references.clone().zip(row).filter(|(at, _)| !(skip_self && *at == query));
                sum += others.map(|(_, &square)| kernel(square)).sum::<f64>();
            }
        });
        sum
    };
    let sums: Vec<f64> = blocks(a.n_rows()).into_par_iter().map(of_block).collect();
    let n = a.n_rows() * (b.n_rows() - usize::from(skip_self)) * widths.len();
    Ok(sums.iter().sum::<f64>() / n as f64)
}
