//! Retrieval: does one head find the same cell among all cells of another head?
//!
//! A cell's rank is one plus the number of candidates nearer than its own partner. Candidates exactly as near
//! count as half in the rank, and recall is its expectation over a random order of them: an embedding that puts
//! every cell in one place scores like chance, R@k = k/n and rank (n+1)/2, not like the best or the worst.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use mfdoom_matrix::Matrix;
use mfdoom_matrix::Metric;
use mfdoom_matrix::distance::{Pairs, blocks};
use mfdoom_matrix::error::{Result, at_least, same};
use mfdoom_matrix::median;
use rayon::prelude::*;

/// Retrieval in one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direction {
    /// Share of cells whose partner is the nearest.
    pub recall_1: f64,
    /// Share of cells whose partner is among the five nearest.
    pub recall_5: f64,
    /// Share of cells whose partner is among the ten nearest.
    pub recall_10: f64,
    /// Median rank of the partner; 1 is best.
    pub median_rank: f64,
}

/// Retrieval between two heads, the mean of both directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retrieval {
    /// Cells, which are the candidates too.
    pub n: usize,
    /// Mean share of cells whose partner is the nearest.
    pub recall_1: f64,
    /// Mean share of cells whose partner is among the five nearest.
    pub recall_5: f64,
    /// Mean share of cells whose partner is among the ten nearest.
    pub recall_10: f64,
    /// Mean of the median ranks.
    pub median_rank: f64,
    /// The first head's cells looked up in the second.
    pub forward: Direction,
    /// The second head's cells looked up in the first.
    pub backward: Direction,
}

/// Scores how well row i of `a` [n, d] finds row i of `b` [n, d] among all rows of `b`, and the reverse.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape): other sizes; [`Error::TooFew`](crate::Error::TooFew): fewer than two
/// cells; [`Error::NotFinite`](crate::Error::NotFinite).
pub fn retrieval(a: &Matrix, b: &Matrix, metric: Metric) -> Result<Retrieval> {
    let n = a.n_rows();
    same("cells of the second head", b.n_rows(), n)?;
    at_least("cells", n, 2)?;
    let pairs = Pairs::new(a, b, metric)?;
    let partner: Vec<f64> = (0..n).into_par_iter().map(|row| pairs.exact(row, row)).collect();
    let (forward, backward) = (Counts::new(n), Counts::new(n));
    blocks(n).into_par_iter().for_each(|block| {
        pairs.tiles(block.clone(), |references, tile| {
            let mut columns = vec![Place::default(); references.len()];
            for (row, query) in tile.chunks_exact(references.len()).zip(block.clone()) {
                let mut own = Place::default();
                for ((reference, &distance), column) in references.clone().zip(row).zip(&mut columns) {
                    if reference != query {
                        let exact = || pairs.exact(query, reference);
                        own.see(distance, exact, partner[query], pairs.slack());
                        column.see(distance, exact, partner[reference], pairs.slack());
                    }
                }
                forward.add(query, own);
            }
            references.zip(columns).for_each(|(reference, place)| backward.add(reference, place));
        });
    });
    let (forward, backward) = (forward.score(), backward.score());
    let mean = |score: fn(&Direction) -> f64| (score(&forward) + score(&backward)) / 2.0;
    Ok(Retrieval {
        n,
        recall_1: mean(|direction| direction.recall_1),
        recall_5: mean(|direction| direction.recall_5),
        recall_10: mean(|direction| direction.recall_10),
        median_rank: mean(|direction| direction.median_rank),
        forward,
        backward,
    })
}

/// Candidates nearer than the partner, and as near.
#[derive(Clone, Copy, Default)]
struct Place {
    nearer: u32,
    level: u32,
}

impl Place {
    fn see(&mut self, distance: f64, exact: impl Fn() -> f64, partner: f64, slack: f64) {
        if distance > partner + slack {
            return;
        }
        let distance = if distance < partner - slack { distance } else { exact() };
        self.nearer += u32::from(distance < partner);
        self.level += u32::from(distance == partner);
    }
}

/// Places of all cells; sums of integers, so the order of threads does not matter.
struct Counts {
    nearer: Vec<AtomicU32>,
    level: Vec<AtomicU32>,
}

impl Counts {
    fn new(n: usize) -> Self {
        let zeros = || (0..n).map(|_| AtomicU32::new(0)).collect();
        Self { nearer: zeros(), level: zeros() }
    }

    fn add(&self, row: usize, place: Place) {
        self.nearer[row].fetch_add(place.nearer, Relaxed);
        self.level[row].fetch_add(place.level, Relaxed);
    }

    fn score(&self) -> Direction {
        let n = self.nearer.len() as f64;
        let places: Vec<(f64, f64)> = (self.nearer.iter().zip(&self.level))
            .map(|(nearer, level)| (f64::from(nearer.load(Relaxed)), f64::from(level.load(Relaxed))))
            .collect();
        let recall = |k: f64| {
            let found = places.iter().map(|(nearer, level)| ((k - nearer) / (level + 1.0)).clamp(0.0, 1.0));
            found.sum::<f64>() / n
        };
        let mut ranks: Vec<f64> = places.iter().map(|(nearer, level)| 1.0 + nearer + level / 2.0).collect();
        Direction {
            recall_1: recall(1.0),
            recall_5: recall(5.0),
            recall_10: recall(10.0),
            median_rank: median(&mut ranks).unwrap_or(f64::NAN),
        }
    }
}
