//! Random numbers keyed by (seed, purpose, item), so that no draw depends on threads or on other items.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What a stream is for: two purposes never share a number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Rates and programme of a gene.
    Gene = 1,
    /// Depth and gene factors of an experimental batch.
    Batch = 2,
    /// Place on the tree and capture of a cell.
    Cell = 3,
    /// The counts of a cell.
    Counts = 4,
}

/// Returns the stream of one item: ChaCha with eight rounds, key = (seed, purpose), stream number = item.
pub(crate) fn stream(seed: u64, purpose: Purpose, item: usize) -> ChaCha8Rng {
    let mut key = *b"................mfdoom simulate.";
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(item as u64);
    rng
}

#[cfg(test)]
mod tests {
    use rand::RngCore;

    use super::*;

    #[test]
    fn every_part_of_the_key_counts() {
        let first = |seed, purpose, item| stream(seed, purpose, item).next_u64();
        let base = first(1, Purpose::Cell, 7);
        assert_eq!(base, first(1, Purpose::Cell, 7));
        assert_ne!(base, first(2, Purpose::Cell, 7));
        assert_ne!(base, first(1, Purpose::Counts, 7));
        assert_ne!(base, first(1, Purpose::Cell, 8));
    }
}
