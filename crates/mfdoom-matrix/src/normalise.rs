//! Size-normalised and log-normalised counts.

use crate::csr::Csr;
use crate::error::{Result, same};
use crate::percentile::median;

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
            sums = counts.row_sums();
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
        for value in counts.row_mut(row).1 {
            *value = (f64::from(*value) * factor).ln_1p() as f32;
        }
    }
    Ok(())
}

fn median_positive(sizes: &[f64]) -> f64 {
    let mut positive: Vec<f64> = sizes.iter().copied().filter(|&size| size > 0.0).collect();
    median(&mut positive).unwrap_or(1.0)
}

/// Returns one divisor a cell: its size over the median size of all cells, 1 for an empty cell.
///
/// `sizes` are totals over **all** genes of the input, before any gene filter (scVelo `normalize_per_cell`).
pub fn size_factors(sizes: &[f64]) -> Vec<f64> {
    let median = median(&mut sizes.to_vec()).filter(|&median| median != 0.0).unwrap_or(1.0);
    let factor = |&size: &f64| if size == 0.0 { 1.0 } else { size / median };
    sizes.iter().map(factor).collect()
}

/// Divides counts by their cell's factor.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape), when there is not one factor a cell.
pub fn divide_rows(counts: &mut Csr, factors: &[f64]) -> Result<()> {
    same("size factors, one a cell", factors.len(), counts.n_rows())?;
    for (row, &factor) in factors.iter().enumerate() {
        let scale = 1.0 / factor;
        counts.row_mut(row).1.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_relative_to_the_median_and_spare_empty_cells() {
        assert_eq!(size_factors(&[10.0, 20.0, 40.0]), vec![0.5, 1.0, 2.0]);
        assert_eq!(size_factors(&[0.0, 4.0, 4.0]), vec![1.0, 1.0, 1.0]);
        assert_eq!(size_factors(&[0.0, 0.0, 5.0]), vec![1.0, 1.0, 5.0]);
    }

    #[test]
    fn normalised_cells_have_the_same_total() {
        let mut out = Csr::from_rows(2, &[(vec![0, 1], vec![1.0, 3.0]), (vec![0, 1], vec![10.0, 2.0])]);
        let factors = size_factors(&out.row_sums());
        divide_rows(&mut out, &factors).unwrap();
        out.row_sums().iter().for_each(|sum| assert!((sum - 8.0).abs() < 1e-6));
        assert!(divide_rows(&mut out, &factors[..1]).is_err());
    }
}
