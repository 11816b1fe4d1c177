//! Counts around a mean.

use rand::{Rng, RngCore};
use rand_distr::{Distribution, Gamma, Poisson};

/// How counts scatter around their mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    /// Variance = mean.
    Poisson,
    /// Variance = mean + dispersion x mean^2.
    NegativeBinomial {
        /// The overdispersion, positive.
        dispersion: f64,
    },
}

/// Up to this mean, counts come from one uniform number by walking the distribution from zero.
const WALK: f64 = 48.0;

impl Noise {
    /// Draws one count of the given mean (finite, not negative).
    pub fn sample(&self, mean: f64, rng: &mut impl RngCore) -> u32 {
        if mean >= WALK {
            return self.sample_large(mean, rng);
        }
        let uniform: f64 = rng.random();
        // The chance of zero is at least 1 - mean in both families: most draws of sparse data end here,
        // before any exponential.
        if uniform < 1.0 - mean {
            return 0;
        }
        match *self {
            Self::Poisson => walk(uniform, mean, (-mean).exp(), |k| mean / k),
            Self::NegativeBinomial { dispersion } => {
                let size = 1.0 / dispersion;
                let excess = dispersion * mean;
                let odds = excess / (1.0 + excess);
                walk(uniform, mean, (-size * excess.ln_1p()).exp(), |k| (k - 1.0 + size) / k * odds)
            }
        }
    }

    fn sample_large(&self, mean: f64, rng: &mut impl RngCore) -> u32 {
        let rate = match *self {
            Self::Poisson => mean,
            Self::NegativeBinomial { dispersion } => {
                Gamma::new(1.0 / dispersion, mean * dispersion).map_or(mean, |gamma| gamma.sample(rng))
            }
        };
        // a gamma draw can be exactly zero, where the count is zero as well
        Poisson::new(rate).map_or(0, |poisson| poisson.sample(rng) as u32)
    }
}

/// Returns the smallest count whose cumulative probability exceeds `uniform`; `ratio(k)` = p(k) / p(k - 1).
fn walk(uniform: f64, mean: f64, zero: f64, ratio: impl Fn(f64) -> f64) -> u32 {
    let (mut count, mut probability, mut cumulative) = (0.0, zero, zero);
    while uniform >= cumulative {
        count += 1.0;
        probability *= ratio(count);
        cumulative += probability;
        // rounding may keep the sum just below one
        if count > mean && probability < 1e-18 {
            break;
        }
    }
    count as u32
}
