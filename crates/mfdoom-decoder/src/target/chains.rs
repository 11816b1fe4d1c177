//! States that follow each other: chains of cells along transitions.

use std::collections::BTreeMap;

use candle_core::{Device, Result};
use mfdoom_nn::Stream;
use mfdoom_train::TrainingCells;

use super::{CountTargets, Targets};
use crate::likelihood::Target;
use crate::profile::log_normalised;

/// Cells that follow each other, and the cell that follows each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chains {
    /// Cells of a chain.
    pub length: usize,
    /// What is seen, chain by chain.
    pub seen: Vec<usize>,
    /// What follows each of these cells.
    pub wanted: Vec<usize>,
}

/// Where each cell may go, and how likely.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transitions {
    /// Where the row of each cell begins, [cells + 1].
    pub starts: Vec<usize>,
    /// Cells that may follow.
    pub to: Vec<u32>,
    /// Their weights, above 0.
    pub weight: Vec<f32>,
}

impl Transitions {
    /// Returns the cells that may follow a cell, with their weights.
    pub fn of(&self, cell: usize) -> impl Iterator<Item = (usize, f64)> {
        let row = self.starts[cell]..self.starts[cell + 1];
        row.map(|at| (self.to[at] as usize, f64::from(self.weight[at])))
    }
}

/// Counts of the cell that follows a cell.
///
/// Chains of training cells hold training cells alone, and those of cells held back hold cells held back alone: what is
/// scored has never been a target.
#[derive(Clone, Debug)]
pub struct NextCounts {
    /// Counts of a cell.
    pub counts: CountTargets,
    /// Which cell may follow which.
    pub transitions: Transitions,
    /// Cells of a chain.
    pub length: usize,
    /// Whether each cell is trained on; empty before that is known.
    pub training: Vec<bool>,
}

impl NextCounts {
    fn alike(&self, a: usize, b: usize) -> bool {
        self.training.is_empty() || self.training[a] == self.training[b]
    }

    /// Returns the cells that may follow a cell and are on its side, and the sum of their weights.
    fn open(&self, cell: usize) -> (Vec<(usize, f64)>, f64) {
        let open: Vec<(usize, f64)> =
            self.transitions.of(cell).filter(|(next, _)| self.alike(cell, *next)).collect();
        let total = open.iter().map(|(_, weight)| weight).sum();
        (open, total)
    }

    /// Draws the cell that follows; a cell that leads nowhere stays.
    fn next(&self, cell: usize, stream: &mut Stream) -> usize {
        let (open, total) = self.open(cell);
        let mut left = stream.uniform() * total;
        for (next, weight) in &open {
            left -= weight;
            if left < 0.0 {
                return *next;
            }
        }
        open.last().map_or(cell, |(next, _)| *next)
    }
}

impl NextCounts {
    /// Returns the expected logarithms of the shares of the cell that follows, by modality and gene.
    fn expected(&self, cells: &TrainingCells, cell: usize) -> Vec<f32> {
        let (mut open, total) = self.open(cell);
        if total <= 0.0 {
            open = vec![(cell, 1.0)];
        }
        let of = |modality: &usize| mean_logs(cells, *modality, &open);
        self.counts.modalities.iter().flat_map(of).collect()
    }
}

/// Returns the weighted mean of the log-normalised counts of some cells in a modality; NaN of genes that none of them measured.
/// Only what has counts is looked at: a cell has many followers, and few of its genes.
fn mean_logs(cells: &TrainingCells, modality: usize, of: &[(usize, f64)]) -> Vec<f32> {
    let tokens = cells.tokens(modality);
    let mut sums = vec![0f64; cells.vocabulary.len()];
    let mut by_dataset = BTreeMap::<&str, f64>::new();
    for (cell, weight) in of.iter().filter(|(cell, _)| tokens.library_size[*cell] > 0.0) {
        *by_dataset.entry(cells.dataset(*cell)).or_default() += weight;
        let size = tokens.library_size[*cell] as f32;
        let (ids, counts) = tokens.cell(*cell);
        for (id, count) in ids.iter().zip(counts) {
            sums[*id as usize - 1] += weight * f64::from(log_normalised(*count, size));
        }
    }
    let mut weights = vec![0f64; sums.len()];
    for (dataset, weight) in by_dataset {
        let measured = cells.measured.get(dataset, &cells.modalities[modality]);
        measured
            .into_iter()
            .flat_map(|set| set.iter())
            .for_each(|gene| weights[*gene as usize - 1] += weight);
    }
    let mean = |(sum, weight): (f64, f64)| if weight > 0.0 { (sum / weight) as f32 } else { f32::NAN };
    sums.into_iter().zip(weights).map(mean).collect()
}

impl Targets for NextCounts {
    fn has(&self, cells: &TrainingCells, cell: usize) -> bool {
        self.counts.has(cells, cell) && self.transitions.of(cell).next().is_some()
    }

    fn of(&self, cells: &TrainingCells, batch: &[usize], device: &Device) -> Result<Target> {
        self.counts.of(cells, batch, device)
    }

    /// The expected logarithms of the next cell's shares.
    fn dense(&self, cells: &TrainingCells, batch: &[usize]) -> Vec<f32> {
        batch.iter().flat_map(|cell| self.expected(cells, *cell)).collect()
    }

    fn keep_known(&mut self, training: &[usize]) -> Option<Vec<usize>> {
        self.training = vec![false; self.transitions.starts.len() - 1];
        training.iter().for_each(|cell| self.training[*cell] = true);
        None
    }

    fn chains(&self, starts: &[usize], (seed, draw): (u64, u64)) -> Option<Chains> {
        let (mut seen, mut wanted) = (Vec::new(), Vec::new());
        for &start in starts {
            let mut stream = Stream::new(seed, "chain", draw, start as u64);
            let mut cell = start;
            for _ in 0..self.length {
                let next = self.next(cell, &mut stream);
                seen.push(cell);
                wanted.push(next);
                cell = next;
            }
        }
        Some(Chains { length: self.length, seen, wanted })
    }
}

impl Chains {
    /// Returns the chains, each with the cell that follows its last.
    pub fn whole(&self) -> Vec<Vec<usize>> {
        let chains = self.seen.chunks_exact(self.length).zip(self.wanted.chunks_exact(self.length));
        chains.map(|(seen, wanted)| seen.iter().chain(wanted.last()).copied().collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten cells in a row, each followed by the next two; the last stays.
    fn row() -> NextCounts {
        let (mut starts, mut to, mut weight) = (vec![0], Vec::new(), Vec::new());
        for cell in 0..10u32 {
            for (next, w) in [(cell + 1, 3.0), (cell + 2, 1.0)] {
                if next < 10 {
                    to.push(next);
                    weight.push(w);
                }
            }
            starts.push(to.len());
        }
        let counts = CountTargets { modalities: vec![0], as_logs: false };
        NextCounts {
            counts,
            transitions: Transitions { starts, to, weight },
            length: 4,
            training: Vec::new(),
        }
    }

    #[test]
    fn chains_follow_transitions_and_are_keyed() {
        let targets = row();
        let chains = targets.chains(&[0, 5], (1, 7)).unwrap();
        for chain in chains.whole() {
            assert!(
                chain.windows(2).all(|pair| (1..=2).contains(&(pair[1] - pair[0])) || pair == [9, 9]),
                "{chain:?}"
            );
        }
        assert_eq!(chains.seen[1..4], chains.wanted[..3]);
        assert_eq!(chains, targets.chains(&[0, 5], (1, 7)).unwrap());
        assert_eq!(chains.seen[4..], targets.chains(&[5], (1, 7)).unwrap().seen[..]);
        let draws = (0..400).filter(|draw| targets.chains(&[0], (1, *draw)).unwrap().seen[1] == 1).count();
        assert!((260..340).contains(&draws), "three in four go to the next: {draws}");
    }

    #[test]
    fn cells_held_back_are_no_targets_of_training_cells() {
        let mut targets = row();
        let training: Vec<usize> = (0..10).filter(|cell| cell % 2 == 0).collect();
        assert_eq!(targets.keep_known(&training), None);
        for draw in 0..20 {
            let chains = targets.chains(&[0, 1], (1, draw)).unwrap();
            let whole = chains.whole();
            assert!(
                whole[0].iter().all(|cell| cell % 2 == 0) && whole[1].iter().all(|cell| cell % 2 == 1),
                "{whole:?}"
            );
        }
    }
}
