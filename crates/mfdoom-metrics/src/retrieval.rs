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

/// Where the partner of each cell stands among the candidates, in one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Places {
    /// Candidates nearer than the partner, and as near as it.
    of_cell: Vec<(u32, u32)>,
}

/// Places in both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrieval {
    /// The first head's cells looked up in the second.
    pub forward: Places,
    /// The second head's cells looked up in the first.
    pub backward: Places,
}

impl Places {
    /// Returns for each cell the chance that its partner is among the `k` nearest.
    pub fn recall(&self, k: usize) -> impl Iterator<Item = f64> {
        let found =
            move |&(nearer, level): &(u32, u32)| (k as f64 - f64::from(nearer)) / (f64::from(level) + 1.0);
        self.of_cell.iter().map(move |place| found(place).clamp(0.0, 1.0))
    }

    /// Returns the rank of each cell's partner; 1 is best.
    pub fn ranks(&self) -> impl Iterator<Item = f64> {
        self.of_cell.iter().map(|&(nearer, level)| 1.0 + f64::from(nearer) + f64::from(level) / 2.0)
    }

    /// Returns for each cell the share of all candidates that are nearer than its partner: the FOSCTTM of a cell.
    pub fn closer(&self) -> impl Iterator<Item = f64> {
        let n = self.of_cell.len() as f64;
        self.of_cell.iter().map(move |&(nearer, level)| (f64::from(nearer) + f64::from(level) / 2.0) / n)
    }
}

impl Retrieval {
    /// Returns for each cell the mean over both directions of the chance that its partner is among the `k` nearest.
    pub fn recall(&self, k: usize) -> Vec<f64> {
        mean(self.forward.recall(k), self.backward.recall(k))
    }

    /// Returns the mean of [`recall`](Self::recall) over the cells.
    pub fn mean_recall(&self, k: usize) -> f64 {
        let cells = self.recall(k);
        cells.iter().sum::<f64>() / cells.len() as f64
    }

    /// Returns for each cell the mean over both directions of the share of candidates nearer than its partner.
    pub fn closer(&self) -> Vec<f64> {
        mean(self.forward.closer(), self.backward.closer())
    }

    /// Returns the mean over both directions of the median rank of the partner.
    pub fn median_rank(&self) -> f64 {
        let of = |places: &Places| median(&mut places.ranks().collect::<Vec<_>>()).unwrap_or(f64::NAN);
        (of(&self.forward) + of(&self.backward)) / 2.0
    }
}

fn mean(a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) -> Vec<f64> {
    a.zip(b).map(|(a, b)| (a + b) / 2.0).collect()
}

/// Finds how well row i of `a` [n, d] finds row i of `b` [n, d] among all rows of `b`, and the reverse.
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
    let (forward, backward) = (PlaceCounts::new(n), PlaceCounts::new(n));
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
    Ok(Retrieval { forward: forward.places(), backward: backward.places() })
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
struct PlaceCounts {
    nearer: Vec<AtomicU32>,
    level: Vec<AtomicU32>,
}

impl PlaceCounts {
    fn new(n: usize) -> Self {
        let zeros = || (0..n).map(|_| AtomicU32::new(0)).collect();
        Self { nearer: zeros(), level: zeros() }
    }

    fn add(&self, row: usize, place: Place) {
        self.nearer[row].fetch_add(place.nearer, Relaxed);
        self.level[row].fetch_add(place.level, Relaxed);
    }

    fn places(&self) -> Places {
        let pairs = self.nearer.iter().zip(&self.level);
        Places { of_cell: pairs.map(|(nearer, level)| (nearer.load(Relaxed), level.load(Relaxed))).collect() }
    }
}
