//! Local inverse Simpson's index (Korsunsky et al. 2019): how many labels live in a cell's neighbourhood?

use mfdoom_matrix::Neighbors;
use mfdoom_matrix::error::{Result, at_least, same};
use mfdoom_matrix::median;
use rayon::prelude::*;

const TOLERANCE: f64 = 1e-5;
const MAX_TRIES: usize = 50;

/// Returns the LISI of every cell, from 1 to the number of labels.
///
/// Neighbours weigh exp(-beta d) with beta such that the entropy of the weights is that of `perplexity` equal ones.
/// scib-metrics takes 90 neighbours with the cell itself, thus 89 others, and perplexity 30.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape): not one label per cell.
pub fn lisi(near: &Neighbors, labels: &[u32], perplexity: f64) -> Result<Vec<f64>> {
    Ok(lisi_of_each(near, &[labels], perplexity)?.swap_remove(0))
}

/// Returns [`lisi`] of several labellings of the same cells: the weights of the neighbours, which take nearly all of the time, are
/// found once.
///
/// # Errors
/// Those of [`lisi`].
pub fn lisi_of_each(near: &Neighbors, labellings: &[&[u32]], perplexity: f64) -> Result<Vec<Vec<f64>>> {
    for labels in labellings {
        same("labels", labels.len(), near.n_rows())?;
    }
    let sizes: Vec<usize> =
        labellings.iter().map(|labels| labels.iter().max().map_or(0, |&label| label as usize + 1)).collect();
    let of_cell = |row: usize| {
        let distances: Vec<f64> = near.distances(row).iter().map(|&distance| f64::from(distance)).collect();
        let weights = weights(&distances, perplexity);
        let of = |(labels, &n): (&&[u32], &usize)| {
            let mut shares = vec![0.0; n];
            let neighbours = near.indices(row).iter().zip(&weights);
            neighbours.for_each(|(&index, weight)| shares[labels[index as usize] as usize] += weight);
            shares.iter().map(|share| share * share).sum::<f64>().recip()
        };
        labellings.iter().zip(&sizes).map(of).collect::<Vec<f64>>()
    };
    let found: Vec<Vec<f64>> = (0..near.n_rows()).into_par_iter().map(of_cell).collect();
    Ok((0..labellings.len()).map(|at| found.iter().map(|cell| cell[at]).collect()).collect())
}

/// Returns the weights of neighbours at `distances`, summing to 1, with an entropy of ln(perplexity).
fn weights(distances: &[f64], perplexity: f64) -> Vec<f64> {
    let (mut beta, mut low, mut high) = (1.0, f64::NEG_INFINITY, f64::INFINITY);
    let (mut entropy, mut weights) = entropy(distances, beta);
    for _ in 0..MAX_TRIES {
        let excess = entropy - perplexity.ln();
        if excess.abs() <= TOLERANCE {
            break;
        }
        if excess > 0.0 {
            low = beta;
            beta = if high.is_finite() { (beta + high) / 2.0 } else { beta * 2.0 };
        } else {
            high = beta;
            beta = if low.is_finite() { (beta + low) / 2.0 } else { beta / 2.0 };
        }
        (entropy, weights) = self::entropy(distances, beta);
    }
    weights
}

fn entropy(distances: &[f64], beta: f64) -> (f64, Vec<f64>) {
    // Distances are taken from the nearest on, which changes no weight and lets none vanish altogether.
    let nearest = distances.first().copied().unwrap_or(0.0);
    let raw: Vec<f64> = distances.iter().map(|distance| (-(distance - nearest) * beta).exp()).collect();
    let sum: f64 = raw.iter().sum();
    let mean: f64 = distances.iter().zip(&raw).map(|(distance, weight)| (distance - nearest) * weight).sum();
    (sum.ln() + beta * mean / sum, raw.into_iter().map(|weight| weight / sum).collect())
}

/// Returns scib's cLISI: the median LISI of cell labels, 1 where every neighbourhood holds one label, 0 where all.
///
/// # Errors
/// Those of [`lisi`]; [`Error::TooFew`](crate::Error::TooFew): fewer than two labels.
pub fn clisi(near: &Neighbors, labels: &[u32], perplexity: f64) -> Result<f64> {
    let (median, n) = median_lisi(near, labels, perplexity)?;
    Ok((n - median) / (n - 1.0))
}

/// Returns scib's iLISI: the median LISI of batches, 1 where every neighbourhood holds all alike, 0 where one.
///
/// # Errors
/// Those of [`clisi`].
pub fn ilisi(near: &Neighbors, batches: &[u32], perplexity: f64) -> Result<f64> {
    let (median, n) = median_lisi(near, batches, perplexity)?;
    Ok((median - 1.0) / (n - 1.0))
}

fn median_lisi(near: &Neighbors, labels: &[u32], perplexity: f64) -> Result<(f64, f64)> {
    let n = labels.iter().collect::<std::collections::BTreeSet<_>>().len();
    at_least("labels", n, 2)?;
    Ok((median(&mut lisi(near, labels, perplexity)?).unwrap_or(f64::NAN), n as f64))
}
