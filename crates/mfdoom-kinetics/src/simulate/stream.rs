//! Random numbers keyed by (seed, purpose, item), so that no draw depends on threads or on other items.

use mfdoom_matrix::random;
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

/// Returns the stream of one item.
pub(crate) fn stream(seed: u64, purpose: Purpose, item: usize) -> ChaCha8Rng {
    random::stream(b"mfdoom simulate.", seed, purpose as u64, item)
}
