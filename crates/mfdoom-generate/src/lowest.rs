//! A seeded choice of cells from a stream of unknown length, in bounded memory.

use std::collections::BinaryHeap;

use mfdoom_nn::Stream;

/// The items of lowest rank, where an item's rank depends on the seed, a purpose and its key alone: which are kept does
/// not depend on the order in which they come.
#[derive(Debug)]
pub struct Lowest<T> {
    heap: BinaryHeap<Ranked<T>>,
    most: usize,
    seed: u64,
    purpose: &'static str,
    /// Number of items that were offered.
    pub offered: usize,
}

#[derive(Debug)]
struct Ranked<T> {
    rank: (u64, u64),
    item: T,
}

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl<T> Eq for Ranked<T> {}

impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl<T> Lowest<T> {
    /// Keeps at most `most` items.
    pub fn new(most: usize, seed: u64, purpose: &'static str) -> Self {
        Self { heap: BinaryHeap::new(), most, seed, purpose, offered: 0 }
    }

    /// Offers an item, which is made only where it is kept.
    pub fn offer(&mut self, key: u64, item: impl FnOnce() -> T) {
        self.offered += 1;
        let draw = (Stream::new(self.seed, self.purpose, 0, key).uniform() * (1u64 << 53) as f64) as u64;
        let rank = (draw, key);
        if self.heap.len() == self.most && self.heap.peek().is_some_and(|worst| worst.rank < rank) {
            return;
        }
        self.heap.push(Ranked { rank, item: item() });
        if self.heap.len() > self.most {
            self.heap.pop();
        }
    }

    /// Returns the items that were kept, by rank.
    pub fn into_items(self) -> Vec<T> {
        self.heap.into_sorted_vec().into_iter().map(|ranked| ranked.item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Lowest;

    fn kept(keys: impl Iterator<Item = u64>, seed: u64) -> Vec<u64> {
        let mut lowest = Lowest::new(5, seed, "test");
        keys.for_each(|key| lowest.offer(key, || key));
        assert_eq!(lowest.offered, 100);
        lowest.into_items()
    }

    #[test]
    fn the_order_of_offers_changes_nothing_and_the_seed_does() {
        let forward = kept(0..100, 1);
        assert_eq!(forward.len(), 5);
        assert_eq!(forward, kept((0..100).rev(), 1));
        assert_ne!(forward, kept(0..100, 2));
    }
}
