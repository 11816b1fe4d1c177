//! The gene filter of spliced and unspliced counts.

use mfdoom_matrix::Csr;
use mfdoom_matrix::error::{Result, same};

/// Returns, per gene, spliced plus unspliced counts over the cells in which **both** are found.
///
/// # Errors
/// When the two matrices differ in shape.
pub fn shared_counts(spliced: &Csr, unspliced: &Csr) -> Result<Vec<f64>> {
    same("cells of the unspliced counts", unspliced.n_rows(), spliced.n_rows())?;
    same("genes of the unspliced counts", unspliced.n_cols(), spliced.n_cols())?;
    let mut totals = vec![0.0; spliced.n_cols()];
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
pub fn shared_count_filter(spliced: &Csr, unspliced: &Csr, min_shared_counts: f64) -> Result<Vec<bool>> {
    Ok(shared_counts(spliced, unspliced)?.into_iter().map(|total| total >= min_shared_counts).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cells_with_both_count_as_shared() {
        let two = |values: [f32; 4]| {
            Csr::from_rows(2, &[(vec![0, 1], values[..2].to_vec()), (vec![0, 1], values[2..].to_vec())])
        };
        let spliced = two([3.0, 1.0, 0.0, 9.0]);
        let unspliced = Csr::from_rows(2, &[(vec![0], vec![2.0]), (vec![0], vec![7.0])]);
        assert_eq!(shared_counts(&spliced, &unspliced).unwrap(), vec![5.0, 0.0]);
        assert_eq!(shared_count_filter(&spliced, &unspliced, 5.0).unwrap(), vec![true, false]);
    }
}
