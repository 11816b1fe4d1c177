//! Velocities against a truth, per gene over cells and per cell over genes.

use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Result, same};
use rayon::prelude::*;

use super::Pairs;

/// Fewest cells that a correlation is computed of.
const LEAST_CELLS: usize = 3;
/// Spread up to which values are constant.
const CONSTANT: f64 = 1e-9;

/// Median and quartiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartiles {
    /// A quarter lies below.
    pub q25: f64,
    /// Half lies below.
    pub median: f64,
    /// Three quarters lie below.
    pub q75: f64,
}

/// Returns the quartiles, between two values in proportion as numpy has it; nothing of nothing.
pub fn quartiles(values: impl IntoIterator<Item = f64>) -> Option<Quartiles> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| {
        let place = share * last as f64;
        let (low, part) = (place.floor() as usize, place.fract());
        values[low] + part * (values[(low + 1).min(last)] - values[low])
    };
    Some(Quartiles { q25: at(0.25), median: at(0.5), q75: at(0.75) })
}

/// Returns for each gene Pearson's correlation of `found` and `truth` [n_cells, n_genes] over the cells where both
/// are there: nothing with fewer than three or where the truth is constant, 0 where only the found is.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape), when the two differ in shape.
pub fn gene_correlations(found: &Matrix, truth: &Matrix) -> Result<Vec<Option<f64>>> {
    check(found, truth)?;
    Ok((0..found.n_cols()).into_par_iter().map(|gene| correlation(found, truth, gene)).collect())
}

fn correlation(found: &Matrix, truth: &Matrix, gene: usize) -> Option<f64> {
    let pairs = || (0..found.n_rows()).map(|cell| (found.row(cell)[gene], truth.row(cell)[gene]));
    let sums = Pairs::of(pairs());
    if sums.n < LEAST_CELLS as f64 {
        return None;
    }
    // Means first: differences of large sums would lose what matters.
    let (x, y) = (sums.x / sums.n, sums.y / sums.n);
    let both = pairs().filter(|(x, y)| x.is_finite() && y.is_finite());
    let (xx, yy, xy) = both.fold((0.0, 0.0, 0.0), |(xx, yy, xy), (a, b)| {
        let (a, b) = (f64::from(a) - x, f64::from(b) - y);
        (xx + a * a, yy + b * b, xy + a * b)
    });
    let spread = (xx * yy).sqrt();
    let varies = yy.sqrt() > CONSTANT;
    varies.then(|| if spread > CONSTANT { (xy / spread).clamp(-1.0, 1.0) } else { 0.0 })
}

/// Returns for each cell the cosine of `found` and `truth` [n_cells, n_genes] over the genes where both are there;
/// nothing without such a gene or where one side is zero throughout.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape), when the two differ in shape.
pub fn cell_cosines(found: &Matrix, truth: &Matrix) -> Result<Vec<Option<f64>>> {
    check(found, truth)?;
    let cosine = |cell: usize| {
        Pairs::of(found.row(cell).iter().copied().zip(truth.row(cell).iter().copied())).cosine()
    };
    Ok((0..found.n_rows()).into_par_iter().map(cosine).collect())
}

fn check(found: &Matrix, truth: &Matrix) -> Result<()> {
    same("cells of the truth", truth.n_rows(), found.n_rows())?;
    same("genes of the truth", truth.n_cols(), found.n_cols())
}
