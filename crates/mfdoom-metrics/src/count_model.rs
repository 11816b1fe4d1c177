//! Negative-binomial deviance of counts, and the mean-gene model that it is measured against.
//!
//! A count y of mean mu and dispersion phi has variance mu + phi mu². Its unit deviance (Hilbe 2011, Negative Binomial
//! Regression; McCullagh and Nelder 1989) is
//!
//! `2 [y ln(y / mu) - (y + 1 / phi) ln((1 + phi y) / (1 + phi mu))]`,
//!
//! twice the log-likelihood that is lost against mu = y; without dispersion that of Poisson, `2 [y ln(y / mu) - y + mu]`.

use mfdoom_matrix::error::{Result, at_least, same};
use mfdoom_matrix::{Csr, Matrix, Rows};
use rayon::prelude::*;

/// Dispersion up to which counts are taken for Poisson: below, the difference is lost in rounding.
const POISSON: f64 = 1e-7;

/// Every cell has the same share of each gene: the null model of counts.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanGene {
    /// Share of each gene, [n_genes]: its counts over all library sizes, the estimate of greatest Poisson likelihood.
    pub shares: Vec<f64>,
    /// Dispersion phi of each gene, [n_genes]; 0 where counts vary no more than Poisson.
    pub dispersion: Vec<f64>,
}

impl MeanGene {
    /// Fits counts [n_cells, n_genes] with library sizes [n_cells].
    ///
    /// The dispersion is that of moments: E (y - mu)² = mu + phi mu², summed over the cells with mu = share x size
    /// (Cameron and Trivedi 2013, Regression Analysis of Count Data).
    ///
    /// ```
    /// use mfdoom_matrix::Csr;
    /// use mfdoom_metrics::MeanGene;
    /// # fn main() -> mfdoom_matrix::error::Result<()> {
    /// let counts = Csr::new(1, vec![0, 0, 1], vec![0], vec![8.0])?;
    /// let model = MeanGene::fit(&counts, &[10.0, 10.0])?;
    /// assert_eq!(model.shares, [0.4]);
    /// // (16 - 4 + 16 - 4) / (16 + 16)
    /// assert_eq!(model.dispersion, [0.75]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape): not one size a cell; [`Error::TooFew`](crate::Error::TooFew): no cell, or
    /// no library size above 0; [`Error::NotFinite`](crate::Error::NotFinite).
    pub fn fit(counts: &Csr, sizes: &[f64]) -> Result<Self> {
        same("library sizes", sizes.len(), counts.n_rows())?;
        at_least("cells with counts", sizes.iter().filter(|&&size| size > 0.0).count(), 1)?;
        Rows::check_finite(counts)?;
        let (n, total): (usize, f64) = (counts.n_cols(), sizes.iter().sum());
        let square: f64 = sizes.iter().map(|size| size * size).sum();
        let (mut sums, mut squares, mut crossed) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        for (row, &size) in sizes.iter().enumerate() {
            counts.each(row, |gene, count| {
                sums[gene] += count;
                squares[gene] += count * count;
                crossed[gene] += count * size;
            });
        }
        let shares: Vec<f64> = sums.iter().map(|sum| sum / total).collect();
        let dispersion = |gene: usize| {
            let share = shares[gene];
            // The sum over all cells of (y - share size)², zeros too.
            let spread = squares[gene] - 2.0 * share * crossed[gene] + share * share * square;
            let phi = (spread - share * total) / (share * share * square);
            if phi.is_finite() { phi.max(0.0) } else { 0.0 }
        };
        let dispersion = (0..n).map(dispersion).collect();
        Ok(Self { shares, dispersion })
    }
}

/// Returns the deviance of one count of a mean and a dispersion; infinite for a count above 0 of mean 0.
///
/// ```
/// use mfdoom_metrics::nb_deviance;
/// assert_eq!(nb_deviance(3.0, 3.0, 0.5), 0.0);
/// assert_eq!(nb_deviance(0.0, 2.0, 0.5), 4.0 * 2f64.ln());
/// assert_eq!(nb_deviance(0.0, 2.0, 0.0), 4.0);
/// ```
pub fn nb_deviance(count: f64, mean: f64, dispersion: f64) -> f64 {
    let of_ratio = if count > 0.0 { count * (count / mean).ln() } else { 0.0 };
    let rest = match dispersion > POISSON {
        true => {
            let logs = (dispersion * count).ln_1p() - (dispersion * mean).ln_1p();
            (count + 1.0 / dispersion) * logs
        }
        false => count - mean,
    };
    (2.0 * (of_ratio - rest)).max(0.0)
}

/// Returns for each cell the mean deviance over genes of counts [n_cells, n_genes], zeros included, whose means are shares
/// [n_cells, n_genes] x library sizes [n_cells], with the dispersion of each gene [n_genes].
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape): sizes that do not match; [`Error::TooFew`](crate::Error::TooFew): nothing to
/// average.
pub fn cell_nb_deviances(
    counts: &Csr,
    sizes: &[f64],
    shares: &Matrix,
    dispersion: &[f64],
) -> Result<Vec<f64>> {
    same("library sizes", sizes.len(), counts.n_rows())?;
    same("rows of the shares", shares.n_rows(), counts.n_rows())?;
    same("genes of the shares", shares.n_cols(), counts.n_cols())?;
    same("dispersions", dispersion.len(), counts.n_cols())?;
    at_least("counts", shares.data().len(), 1)?;
    let cell = |row: usize| -> f64 {
        let mut observed = vec![0.0; counts.n_cols()];
        counts.each(row, |gene, count| observed[gene] += count);
        let of_gene = observed.iter().zip(shares.row(row)).zip(dispersion);
        let sum: f64 = of_gene
            .map(|((&count, &share), &phi)| nb_deviance(count, f64::from(share) * sizes[row], phi))
            .sum();
        sum / counts.n_cols() as f64
    };
    Ok((0..counts.n_rows()).into_par_iter().map(cell).collect())
}

/// Returns the mean of [`cell_nb_deviances`].
///
/// # Errors
/// Those of [`cell_nb_deviances`].
pub fn mean_nb_deviance(counts: &Csr, sizes: &[f64], shares: &Matrix, dispersion: &[f64]) -> Result<f64> {
    // Summed in the order of the cells, whatever the threads.
    let cells = cell_nb_deviances(counts, sizes, shares, dispersion)?;
    Ok(cells.iter().sum::<f64>() / cells.len() as f64)
}
