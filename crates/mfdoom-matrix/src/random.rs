//! Seeded streams of random numbers, keyed so that no draw depends on threads or on what else is drawn.
//!
//! A stream is ChaCha with eight rounds under a key of the seed and a purpose; two purposes never share a number.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What the random numbers of one computation are drawn for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// Folds of a cross-validation.
    Folds,
    /// The start of a PCA.
    Pca,
    /// A UMAP layout.
    Umap,
    /// The order of a shuffled control.
    Shuffle,
    /// The starts of a search for neighbours.
    Neighbors,
}

/// Returns the stream of a computation under a seed.
pub fn generator(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(purpose as u64 + 1);
    generator
}

/// Returns the stream of one item of many, such as a cell: `domain` says who draws, `purpose` what for.
pub fn stream(domain: &[u8; 16], seed: u64, purpose: u64, item: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&purpose.to_le_bytes());
    key[16..].copy_from_slice(domain);
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
        let first = |domain, seed, purpose, item| stream(domain, seed, purpose, item).next_u64();
        let (one, other) = (b"mfdoom test one.", b"mfdoom test two.");
        let base = first(one, 1, 3, 7);
        assert_eq!(base, first(one, 1, 3, 7));
        assert_ne!(base, first(other, 1, 3, 7));
        assert_ne!(base, first(one, 2, 3, 7));
        assert_ne!(base, first(one, 1, 4, 7));
        assert_ne!(base, first(one, 1, 3, 8));
        let of = |seed, purpose| generator(seed, purpose).next_u64();
        assert_ne!(of(1, Purpose::Pca), of(1, Purpose::Umap));
        assert_ne!(of(1, Purpose::Pca), of(2, Purpose::Pca));
    }
}
