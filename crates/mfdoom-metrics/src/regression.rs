//! Principal component regression (Büttner et al. 2019): how much of the variance is between batches?

use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Result, at_least, same};

/// Returns the share of the variance of the rows of `x` [n, d] that lies between the groups: the mean over all principal
/// components of R2 of the component on the groups, weighted by its variance.
///
/// Summed over all components, that is the square of the distances of the groups' means from the mean over that of the
/// rows, in any coordinates: no component need be found. A row counts `times` so often; NaN, where nothing varies.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape): not one group per row; [`Error::NotFinite`](crate::Error::NotFinite),
/// [`Error::TooFew`](crate::Error::TooFew).
pub fn principal_component_regression(
    x: &Matrix,
    groups: &[u32],
    times: impl Fn(usize) -> f64,
) -> Result<f64> {
    same("groups", groups.len(), x.n_rows())?;
    at_least("cells", x.n_rows(), 2)?;
    x.check_finite()?;
    let d = x.n_cols();
    let n_groups = groups.iter().max().map_or(0, |&group| group as usize + 1);
    let (mut sizes, mut sums) = (vec![0.0; n_groups], vec![0.0; n_groups * d]);
    // Moved to the first row, so that squares do not drown in a common offset.
    let moved = |row: usize| {
        x.row(row).iter().zip(x.row(0)).map(|(&value, &first)| f64::from(value) - f64::from(first))
    };
    let mut squares = 0.0;
    for (row, &group) in groups.iter().enumerate() {
        let weight = times(row);
        if weight > 0.0 {
            sizes[group as usize] += weight;
            let sums = &mut sums[group as usize * d..][..d];
            for (sum, value) in sums.iter_mut().zip(moved(row)) {
                *sum += weight * value;
                squares += weight * value * value;
            }
        }
    }
    let n: f64 = sizes.iter().sum();
    let of_mean: f64 = (0..d)
        .map(|column| (0..n_groups).map(|group| sums[group * d + column]).sum::<f64>().powi(2) / n)
        .sum();
    let of_groups: f64 = (0..n_groups)
        .filter(|&group| sizes[group] > 0.0)
        .map(|group| sums[group * d..][..d].iter().map(|sum| sum * sum).sum::<f64>() / sizes[group])
        .sum();
    let (between, total) = (of_groups - of_mean, squares - of_mean);
    Ok(if total > 1e-12 * squares { (between / total).clamp(0.0, 1.0) } else { f64::NAN })
}
