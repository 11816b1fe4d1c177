//! Random numbers as igraph draws them where scib-metrics calls it: from Python's generator, the Mersenne Twister.

use rand_mt::Mt;

/// What `random.Random(seed)` is in Python.
pub(super) struct Random(Mt);

impl Random {
    /// Seeds as Python does with a whole number.
    pub(super) fn new(seed: u64) -> Self {
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        let n = if high == 0 { 1 } else { 2 };
        Self(Mt::new_with_key([low, high].into_iter().take(n)))
    }

    /// Returns a number from 0 to below `n`, each as likely (Lemire 2019).
    fn below(&mut self, n: u32) -> u32 {
        let least = n.wrapping_neg() % n;
        loop {
            let product = u64::from(self.0.next_u32()) * u64::from(n);
            if product as u32 >= least {
                return (product >> 32) as u32;
            }
        }
    }

    /// Returns a number from 0 to below 1, of 53 bits.
    pub(super) fn unit(&mut self) -> f64 {
        let (high, low) = (self.0.next_u32() >> 5, self.0.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// Brings values into a random order, from the last place down (Fisher and Yates).
    pub(super) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last as u32 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn numbers_are_those_of_python() {
        let mut random = Random::new(42);
        let found: Vec<f64> = (0..3).map(|_| random.unit()).collect();
        assert_eq!(found, [0.639_426_798_457_883_8, 0.025_010_755_222_666_936, 0.275_029_318_369_119_26]);
        assert_eq!(Random::new(1 << 40).unit(), 0.103_639_456_281_237_5);
    }
}
