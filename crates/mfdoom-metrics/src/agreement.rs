//! How far two partitions of the same cells agree: NMI and ARI.

use mfdoom_matrix::error::{Result, at_least, same};

/// Cells by label of one partition and the other.
struct Contingency {
    cells: Vec<Vec<usize>>,
    n: usize,
}

impl Contingency {
    fn new(a: &[u32], b: &[u32]) -> Result<Self> {
        same("labels of the second partition", b.len(), a.len())?;
        at_least("cells", a.len(), 1)?;
        let count = |labels: &[u32]| labels.iter().max().map_or(0, |&label| label as usize + 1);
        let mut cells = vec![vec![0; count(b)]; count(a)];
        a.iter().zip(b).for_each(|(&a, &b)| cells[a as usize][b as usize] += 1);
        Ok(Self { cells, n: a.len() })
    }

    fn rows(&self) -> Vec<usize> {
        self.cells.iter().map(|row| row.iter().sum()).collect()
    }

    fn columns(&self) -> Vec<usize> {
        let n = self.cells.first().map_or(0, Vec::len);
        (0..n).map(|column| self.cells.iter().map(|row| row[column]).sum()).collect()
    }
}

/// Returns the normalised mutual information of two partitions, I(a; b) / ((H(a) + H(b)) / 2).
///
/// Two partitions that are both one single group agree wholly, 1; in any other case no information is 0.
///
/// ```
/// assert_eq!(mfdoom_metrics::nmi(&[0, 0, 1, 1], &[1, 1, 0, 0]), Ok(1.0));
/// assert_eq!(mfdoom_metrics::nmi(&[0, 0, 1, 1], &[0, 1, 0, 1]), Ok(0.0));
/// ```
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape), [`Error::TooFew`](crate::Error::TooFew): unequal or no labels.
pub fn nmi(a: &[u32], b: &[u32]) -> Result<f64> {
    let table = Contingency::new(a, b)?;
    let n = table.n as f64;
    let (rows, columns) = (table.rows(), table.columns());
    let entropy = |sizes: &[usize]| -> f64 {
        let shares = sizes.iter().filter(|&&size| size > 0).map(|&size| size as f64 / n);
        -shares.map(|share| share * share.ln()).sum::<f64>()
    };
    let mean = (entropy(&rows) + entropy(&columns)) / 2.0;
    if mean <= 0.0 {
        return Ok(1.0);
    }
    let mut information = 0.0;
    for (row, &of_row) in table.cells.iter().zip(&rows) {
        for (&both, &of_column) in row.iter().zip(&columns).filter(|(both, _)| **both > 0) {
            let both = both as f64;
            information += both / n * (both * n / (of_row as f64 * of_column as f64)).ln();
        }
    }
    Ok((information / mean).clamp(0.0, 1.0))
}

/// Returns the adjusted Rand index (Hubert and Arabie 1985): pairs on which two partitions agree, 0 for chance.
///
/// ```
/// assert_eq!(mfdoom_metrics::ari(&[0, 0, 1, 1], &[1, 1, 0, 0]), Ok(1.0));
/// assert!((mfdoom_metrics::ari(&[0, 0, 1, 1], &[0, 1, 0, 1])? + 0.5).abs() < 1e-12);
/// # Ok::<(), mfdoom_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape), [`Error::TooFew`](crate::Error::TooFew): unequal or no labels.
pub fn ari(a: &[u32], b: &[u32]) -> Result<f64> {
    let table = Contingency::new(a, b)?;
    let pairs = |n: usize| n as f64 * (n as f64 - 1.0) / 2.0;
    let sum = |sizes: &[usize]| sizes.iter().map(|&size| pairs(size)).sum::<f64>();
    let both: f64 = table.cells.iter().map(|row| sum(row)).sum();
    let (in_a, in_b, all) = (sum(&table.rows()), sum(&table.columns()), pairs(table.n));
    let chance = if all > 0.0 { in_a * in_b / all } else { 0.0 };
    let best = (in_a + in_b) / 2.0;
    // Both all apart or both all together: nothing to adjust.
    Ok(if best == chance { 1.0 } else { (both - chance) / (best - chance) })
}
