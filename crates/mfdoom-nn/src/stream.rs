//! Random numbers that depend on what they are for, never on who draws them or when.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A generator keyed by (seed, purpose, epoch, item): equal keys give equal numbers, others independent ones.
///
/// ```
/// use mfdoom_nn::Stream;
/// let mut a = Stream::new(7, "dropout", 0, 42);
/// let mut b = Stream::new(7, "dropout", 0, 42);
/// assert_eq!(a.uniform(), b.uniform());
/// assert_ne!(a.uniform(), Stream::new(7, "dropout", 1, 42).uniform());
/// ```
#[derive(Clone, Debug)]
pub struct Stream {
    rng: ChaCha8Rng,
    /// The second number of the last Box-Muller pair.
    spare: Option<f64>,
}

impl Stream {
    /// Starts the stream of a key.
    pub fn new(seed: u64, purpose: &str, epoch: u64, item: u64) -> Stream {
        let mut key = [0u8; 32];
        let words = [seed, Stream::hash(purpose), epoch, item];
        for (bytes, word) in key.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Stream { rng: ChaCha8Rng::from_seed(key), spare: None }
    }

    /// Returns 64 bits of a text (FNV-1a), for items that have a name instead of a number.
    pub fn hash(text: &str) -> u64 {
        text.bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// Returns a number in [0, 1) with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Returns a standard normal number (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }

    /// Returns an integer in 0..bound, all equally likely; 0 for the bound 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // Lemire 2019: the low half of the product tells the few draws that would be too likely
        let least = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.rng.next_u64()) * u128::from(bound);
            if product as u64 >= least {
                return (product >> 64) as u64;
            }
        }
    }

    /// Returns true with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Brings the items into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// Returns `count` different numbers of 0..n in ascending order; all n where count is larger.
    pub fn sample(&mut self, n: usize, count: usize) -> Vec<usize> {
        let mut chosen = Vec::with_capacity(count.min(n));
        let mut wanted = count.min(n);
        for item in 0..n {
            if self.below((n - item) as u64) < wanted as u64 {
                chosen.push(item);
                wanted -= 1;
            }
        }
        chosen
    }
}

impl RngCore for Stream {
    fn next_u32(&mut self) -> u32 {
        self.rng.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.rng.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.rng.fill_bytes(bytes);
    }
}
