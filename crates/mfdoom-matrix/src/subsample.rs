//! A seeded choice of rows, for scores whose cost grows with the square of the cells.

/// Returns `max` of the rows 0..n, ascending; all of them when there are no more.
pub fn subsample(n: usize, max: usize, seed: u64) -> Vec<usize> {
    let rows: Vec<usize> = (0..n).collect();
    thin(&rows, max, seed)
}

/// Returns the positions in `rows` of the `max` rows to keep, in the order given.
///
/// Each row has a rank of its own, so a stream can be thinned as it comes: what is kept in the end is the same
/// as [`subsample`] of the whole.
///
/// ```
/// use mfdoom_matrix::subsample::{subsample, thin};
/// let first: Vec<usize> = (0..60).collect();
/// let mut rows: Vec<usize> = thin(&first, 10, 7).into_iter().map(|at| first[at]).collect();
/// rows.extend(60..100);
/// let kept: Vec<usize> = thin(&rows, 10, 7).into_iter().map(|at| rows[at]).collect();
/// assert_eq!(kept, subsample(100, 10, 7));
/// ```
pub fn thin(rows: &[usize], max: usize, seed: u64) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..rows.len()).collect();
    if max < rows.len() {
        positions.select_nth_unstable_by_key(max, |&at| (rank(seed, rows[at]), rows[at]));
        positions.truncate(max);
        positions.sort_unstable();
    }
    positions
}

/// Returns the rank of a row under a seed (the finaliser of SplitMix64, Steele et al. 2014).
fn rank(seed: u64, row: usize) -> u64 {
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    mix(mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
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

    #[test]
    fn every_part_of_the_rows_is_drawn_from() {
        let mut tenths = [0; 10];
        subsample(100_000, 10_000, 3).into_iter().for_each(|row| tenths[row / 10_000] += 1);
        assert!(tenths.iter().all(|n| (900..1100).contains(n)), "{tenths:?}");
    }
}
