//! Counts drawn from the fitted distribution of a cell.

use std::collections::BTreeMap;

use mfdoom_nn::Stream;
use rand_distr::{Distribution, Gamma, Poisson};

use crate::config::Library;

/// Distributions of the counts of a batch of cells.
#[derive(Clone, Debug)]
pub struct CountDistributions {
    /// Logarithm of each gene's share of a target's counts, `[cells, targets, genes]`.
    pub log_shares: Vec<f64>,
    /// Inverse dispersion, `[targets, genes]`.
    pub dispersions: Vec<f64>,
    /// Logits of an additional zero, `[cells, targets, genes]`.
    pub gates: Option<Vec<f64>>,
}

impl CountDistributions {
    /// Returns the distribution of output `at` of a cell with this library size.
    pub fn of(&self, cell: usize, at: usize, library_size: f64) -> CountDistribution {
        let n = self.dispersions.len();
        CountDistribution {
            mean: library_size * self.log_shares[cell * n + at].exp(),
            dispersion: self.dispersions[at],
            gate: self.gates.as_ref().map(|gates| gates[cell * n + at]),
        }
    }
}

/// Returns the library size that a cell's counts of a modality are drawn with: its own, else that of another modality
/// times their ratio in the training cells, else the median of those. `own` are the sizes that the cell has.
pub fn library_size(libraries: &BTreeMap<String, Library>, own: &[(&str, f64)], target: &str) -> f64 {
    let none = Library::default();
    let library = libraries.get(target).unwrap_or(&none);
    let measured = own.iter().find(|(name, _)| *name == target).map(|(_, size)| *size);
    let scaled = || own.iter().find_map(|(name, size)| Some(size * library.ratios.get(*name)?));
    measured.or_else(scaled).unwrap_or(library.median)
}

/// A negative binomial, perhaps with additional zeros.
#[derive(Clone, Copy, Debug)]
pub struct CountDistribution {
    /// Mean without the additional zeros.
    pub mean: f64,
    /// Inverse dispersion t: the variance is mean + mean² / t.
    pub dispersion: f64,
    /// Logit of the probability of an additional zero.
    pub gate: Option<f64>,
}

impl CountDistribution {
    /// Draws a count, as Poisson with a mean from a gamma distribution.
    pub fn draw(&self, stream: &mut Stream) -> f32 {
        let zero = self.gate.is_some_and(|gate| stream.chance(1.0 / (1.0 + (-gate).exp())));
        let rate = Gamma::new(self.dispersion, self.mean / self.dispersion)
            .map_or(self.mean, |gamma| gamma.sample(stream));
        let count = Poisson::new(rate).map_or(0.0, |poisson| poisson.sample(stream));
        if zero { 0.0 } else { count as f32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(distribution: CountDistribution) -> (f64, f64) {
        let mut stream = Stream::new(1, "test", 0, 0);
        let n = 40_000;
        let draws: Vec<f64> = (0..n).map(|_| f64::from(distribution.draw(&mut stream))).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(n);
        (mean, draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n))
    }

    #[test]
    fn draws_have_the_moments_of_the_distribution() {
        let (mean, variance) = moments(CountDistribution { mean: 3.0, dispersion: 1.5, gate: None });
        assert!((mean - 3.0).abs() < 0.08 && (variance - 9.0).abs() < 0.6, "{mean} {variance}");
        let (mean, _) = moments(CountDistribution { mean: 3.0, dispersion: 1.5, gate: Some(0.0) });
        assert!((mean - 1.5).abs() < 0.08, "{mean}");
        let (mean, variance) = moments(CountDistribution { mean: 0.0, dispersion: 1.5, gate: None });
        assert_eq!((mean, variance), (0.0, 0.0));
    }
}
