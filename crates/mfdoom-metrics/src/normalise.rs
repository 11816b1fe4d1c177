//! Log-normalised counts: what PCA and the plain baselines start from.

use crate::error::{Result, same};
use crate::matrix::Csr;

/// What the counts of each cell are scaled to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SizeTarget {
    /// A fixed total, such as 1e4.
    Total(f64),
    /// The median size of the cells that have counts.
    Median,
}

/// Replaces counts by log(1 + count x target / size), cell by cell.
///
/// `sizes` [n_rows] are the library sizes, over all genes where `counts` holds a subset; without them the
/// row sums are taken. A cell without counts stays empty.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape), when there is not one size per row.
pub fn log_normalise(counts: &mut Csr, sizes: Option<&[f64]>, target: SizeTarget) -> Result<()> {
    let sums: Vec<f64>;
    let sizes = match sizes {
        Some(sizes) => sizes,
        None => {
            sums = (0..counts.n_rows())
                .map(|row| counts.row(row).1.iter().map(|&v| f64::from(v)).sum())
                .collect();
            &sums
        }
    };
    same("library sizes", sizes.len(), counts.n_rows())?;
    let target = match target {
        SizeTarget::Total(total) => total,
        SizeTarget::Median => median_positive(sizes),
    };
    for (row, &size) in sizes.iter().enumerate() {
        let factor = if size > 0.0 { target / size } else { 0.0 };
        for value in counts.row_values_mut(row) {
            *value = (f64::from(*value) * factor).ln_1p() as f32;
        }
    }
    Ok(())
}

fn median_positive(sizes: &[f64]) -> f64 {
    let mut positive: Vec<f64> = sizes.iter().copied().filter(|&size| size > 0.0).collect();
    median(&mut positive).unwrap_or(1.0)
}

/// Returns the median, the mean of the middle two for an even number; sorts `values`.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some((values[low] + values[high]) / 2.0)
}
