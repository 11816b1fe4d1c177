//! Size factors and the gene filter: from raw counts to the matrices that moments are taken of.

use crate::error::{Result, expect_len};
use crate::percentile::percentile;
use crate::sparse::{Csr, CsrView};

/// Returns the total of every cell, over all genes given.
pub fn cell_totals(counts: CsrView<'_>) -> Vec<f64> {
    (0..counts.n_rows()).map(|i| counts.row(i).1.iter().map(|&value| f64::from(value)).sum()).collect()
}

/// Returns one divisor a cell: its size over the median size of all cells, 1 for an empty cell.
///
/// `sizes` are totals over **all** genes of the input, before any gene filter (scVelo `normalize_per_cell`).
pub fn size_factors(sizes: &[f64]) -> Vec<f64> {
    let mut median = percentile(&mut sizes.to_vec(), 50.0);
    if median == 0.0 {
        median = 1.0;
    }
    let factor = |&size: &f64| if size == 0.0 { 1.0 } else { size / median };
    sizes.iter().map(factor).collect()
}

/// Divides counts by their cell's factor.
///
/// # Errors
/// When there is not one factor a cell.
pub fn normalise(counts: &mut Csr, factors: &[f64]) -> Result<()> {
    expect_len("size factors, one a cell", counts.n_rows(), factors.len())?;
    for (i, &factor) in factors.iter().enumerate() {
        let scale = 1.0 / factor;
        let row = &mut counts.values[counts.indptr[i]..counts.indptr[i + 1]];
        row.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
    }
    Ok(())
}

/// Returns, per gene, spliced plus unspliced counts over the cells in which **both** are found.
///
/// # Errors
/// When the two matrices differ in shape.
pub fn shared_counts(spliced: CsrView<'_>, unspliced: CsrView<'_>) -> Result<Vec<f64>> {
    expect_len("cells of the unspliced counts", spliced.n_rows(), unspliced.n_rows())?;
    expect_len("genes of the unspliced counts", spliced.n_cols, unspliced.n_cols)?;
    let mut totals = vec![0.0; spliced.n_cols];
    for i in 0..spliced.n_rows() {
        let (columns, values) = unspliced.row(i);
        let mut k = 0;
        for (&j, &value) in spliced.row(i).0.iter().zip(spliced.row(i).1) {
            while k < columns.len() && columns[k] < j {
                k += 1;
            }
            if k < columns.len() && columns[k] == j && value > 0.0 && values[k] > 0.0 {
                totals[j as usize] += f64::from(value) + f64::from(values[k]);
            }
        }
    }
    Ok(totals)
}

/// Marks the genes with at least `min_shared_counts` [`shared_counts`] (scVelo `filter_genes`).
///
/// # Errors
/// When the two matrices differ in shape.
pub fn shared_count_filter(
    spliced: CsrView<'_>,
    unspliced: CsrView<'_>,
    min_shared_counts: f64,
) -> Result<Vec<bool>> {
    Ok(shared_counts(spliced, unspliced)?.into_iter().map(|total| total >= min_shared_counts).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_cells(values: &[f32; 4]) -> Csr {
        Csr { n_cols: 2, indptr: vec![0, 2, 4], indices: vec![0, 1, 0, 1], values: values.to_vec() }
    }

    #[test]
    fn factors_are_relative_to_the_median_and_spare_empty_cells() {
        assert_eq!(size_factors(&[10.0, 20.0, 40.0]), vec![0.5, 1.0, 2.0]);
        assert_eq!(size_factors(&[0.0, 4.0, 4.0]), vec![1.0, 1.0, 1.0]);
        assert_eq!(size_factors(&[0.0, 0.0, 5.0]), vec![1.0, 1.0, 5.0]);
    }

    #[test]
    fn normalised_cells_have_the_same_total() {
        let mut out = two_cells(&[1.0, 3.0, 10.0, 2.0]);
        let factors = size_factors(&cell_totals(out.view()));
        normalise(&mut out, &factors).unwrap();
        assert!((out.values[0] + out.values[1] - 8.0).abs() < 1e-6);
        assert!((out.values[2] + out.values[3] - 8.0).abs() < 1e-6);
        assert!(normalise(&mut out, &factors[..1]).is_err());
    }

    #[test]
    fn only_cells_with_both_count_as_shared() {
        let spliced = two_cells(&[3.0, 1.0, 0.0, 9.0]);
        let unspliced = Csr { n_cols: 2, indptr: vec![0, 1, 2], indices: vec![0, 0], values: vec![2.0, 7.0] };
        assert_eq!(shared_counts(spliced.view(), unspliced.view()).unwrap(), vec![5.0, 0.0]);
        assert_eq!(shared_count_filter(spliced.view(), unspliced.view(), 5.0).unwrap(), vec![true, false]);
    }
}
