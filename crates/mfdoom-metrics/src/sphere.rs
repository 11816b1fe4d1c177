//! Alignment and uniformity of unit vectors (Wang and Isola 2020).

use mfdoom_matrix::Matrix;
use mfdoom_matrix::Metric;
use mfdoom_matrix::distance::{Pairs, blocks};
use mfdoom_matrix::error::{Result, at_least, same};
use rayon::prelude::*;

/// Returns for each cell the squared distance of its vectors in `a` [n, d] and `b` [n, d], each made of unit length.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape): other sizes; [`Error::NotFinite`](crate::Error::NotFinite).
pub fn alignment(a: &Matrix, b: &Matrix) -> Result<Vec<f64>> {
    same("cells of the second head", b.n_rows(), a.n_rows())?;
    let pairs = Pairs::new(a, b, Metric::Cosine)?;
    // The square of the distance of two unit vectors is twice one minus their cosine.
    Ok((0..a.n_rows()).into_par_iter().map(|row| 2.0 * pairs.exact(row, row)).collect())
}

/// Returns the logarithm of the mean over pairs of cells of exp(-2 d²), d the distance of their unit vectors.
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew): fewer than two cells; [`Error::NotFinite`](crate::Error::NotFinite).
pub fn uniformity(x: &Matrix) -> Result<f64> {
    let n = x.n_rows();
    at_least("cells", n, 2)?;
    let pairs = Pairs::new(x, x, Metric::Cosine)?;
    let of_block = |block: std::ops::Range<usize>| {
        let mut sum = 0.0;
        pairs.tiles(block.clone(), |references, tile| {
            for (row, query) in tile.chunks_exact(references.len()).zip(block.clone()) {
                let others = references.clone().zip(row).filter(|(reference, _)| *reference != query);
                sum += others.map(|(_, distance)| (-4.0 * distance).exp()).sum::<f64>();
            }
        });
        sum
    };
    let sums: Vec<f64> = blocks(n).into_par_iter().map(of_block).collect();
    Ok((sums.iter().sum::<f64>() / (n as f64 * (n as f64 - 1.0))).ln())
}
