//! Which cells share a batch: a fresh shuffle each epoch, cut by number of cells and of tokens.

use mfdoom_nn::Stream;

/// Order and batches of the training cells.
#[derive(Clone, Debug)]
pub struct Sampler {
    /// The cells to train on.
    pub cells: Vec<usize>,
    /// Tokens of each of these cells, in their order.
    pub tokens: Vec<usize>,
    /// Most cells of a batch.
    pub batch_cells: usize,
    /// Most tokens of a batch; a longer cell makes a batch of its own.
    pub batch_tokens: usize,
    /// Seed of the shuffles.
    pub seed: u64,
}

impl Sampler {
    /// Returns the batches of an epoch; every cell is in exactly one.
    pub fn epoch(&self, epoch: u64) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.cells.len()).collect();
        Stream::new(self.seed, "order", epoch, 0).shuffle(&mut order);
        let mut batches = vec![Vec::new()];
        let mut budget = self.batch_tokens;
        for i in order {
            let last = batches.len() - 1;
            let full = batches[last].len() >= self.batch_cells || self.tokens[i] > budget;
            if full && !batches[last].is_empty() {
                batches.push(Vec::new());
                budget = self.batch_tokens;
            }
            let last = batches.len() - 1;
            batches[last].push(self.cells[i]);
            budget = budget.saturating_sub(self.tokens[i]);
        }
        merge_last(&mut batches);
        batches
    }
}

/// A last batch of one cell has nothing to be contrasted with: it joins the one before.
fn merge_last(batches: &mut Vec<Vec<usize>>) {
    if batches.len() > 1
        && batches.last().is_some_and(|b| b.len() == 1)
        && let Some(last) = batches.pop()
        && let Some(before) = batches.last_mut()
    {
        before.extend(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler() -> Sampler {
        let tokens = (0..101).map(|c| 1 + c % 7).collect();
        Sampler { cells: (100..201).collect(), tokens, batch_cells: 10, batch_tokens: 30, seed: 3 }
    }

    #[test]
    fn every_cell_once_within_the_budgets() {
        let s = sampler();
        let batches = s.epoch(0);
        let mut all: Vec<usize> = batches.concat();
        all.sort_unstable();
        assert_eq!(all, s.cells);
        for batch in &batches[..batches.len() - 1] {
            let tokens: usize = batch.iter().map(|c| s.tokens[c - 100]).sum();
            assert!(batch.len() <= 10 && tokens <= 30);
        }
    }

    #[test]
    fn epochs_differ_and_repeat_for_a_seed() {
        assert_eq!(sampler().epoch(1), sampler().epoch(1));
        assert_ne!(sampler().epoch(0), sampler().epoch(1));
        assert_ne!(Sampler { seed: 4, ..sampler() }.epoch(0), sampler().epoch(0));
    }

    #[test]
    fn a_cell_beyond_the_budget_is_a_batch_and_a_lone_last_cell_is_not() {
        let s = Sampler { tokens: vec![50; 101], ..sampler() };
        let batches = s.epoch(0);
        assert_eq!(batches.len(), 100);
        assert_eq!(batches.last().unwrap().len(), 2);
    }
}
