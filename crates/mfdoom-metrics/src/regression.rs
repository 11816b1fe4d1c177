//! Principal component regression (Büttner et al. 2019): how much of the variance is between batches?

use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Result, same};
use mfdoom_matrix::pca;

/// Returns the share of the variance of the rows of `x` that lies between the groups: the mean over all principal
/// components of R2 of the component on the groups, weighted by its variance.
///
/// # Errors
/// Those of [`pca`]; [`Error::Shape`](crate::Error::Shape): not one group per row.
pub fn principal_component_regression(x: &Matrix, groups: &[u32]) -> Result<f64> {
    same("groups", groups.len(), x.n_rows())?;
    let found = pca(x, x.n_cols().min(x.n_rows()), 0)?;
    let (k, n) = (found.scores.n_cols(), x.n_rows() as f64);
    let n_groups = groups.iter().max().map_or(0, |&group| group as usize + 1);
    let mut sizes = vec![0.0; n_groups];
    let mut sums = vec![0.0; n_groups * k];
    for (row, &group) in groups.iter().enumerate() {
        sizes[group as usize] += 1.0;
        let sums = &mut sums[group as usize * k..][..k];
        sums.iter_mut().zip(found.scores.row(row)).for_each(|(sum, &score)| *sum += f64::from(score));
    }
    // Scores are centred: what lies between groups is the size-weighted square of their means.
    let between = |component: usize| -> f64 {
        let of_group = |group: usize| sums[group * k + component].powi(2) / sizes[group];
        (0..n_groups).filter(|&group| sizes[group] > 0.0).map(of_group).sum::<f64>() / (n - 1.0)
    };
    let total: f64 = found.explained_variance.iter().sum();
    Ok(if total > 0.0 { (0..k).map(between).sum::<f64>() / total } else { 0.0 })
}
