//! A seeded choice of rows, for scores whose cost grows with the square of the cells.

use crate::random::{Purpose, generator};
use rand::seq::index;

/// Returns `max` of the rows 0..n, ascending; all of them when there are no more.
pub fn subsample(n: usize, max: usize, seed: u64) -> Vec<usize> {
    if n <= max {
        return (0..n).collect();
    }
    let mut rows = index::sample(&mut generator(seed, Purpose::Subsample), n, max).into_vec();
    rows.sort_unstable();
    rows
}

#[cfg(test)]
mod tests {
    use super::subsample;

    #[test]
    fn takes_distinct_rows_in_order_and_the_same_for_the_same_seed() {
        let rows = subsample(1000, 100, 7);
        assert_eq!(rows.len(), 100);
        assert!(rows.windows(2).all(|pair| pair[0] < pair[1]) && rows[99] < 1000);
        assert_eq!(rows, subsample(1000, 100, 7));
        assert_ne!(rows, subsample(1000, 100, 8));
        assert_eq!(subsample(5, 100, 7), [0, 1, 2, 3, 4]);
    }
}
