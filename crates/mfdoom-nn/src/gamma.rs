//! The logarithm of the gamma function and its derivative, for positive numbers.

/// Below this, the recurrence moves the argument up to where the asymptotic series hold to 1e-13.
const SHIFT: f64 = 10.0;

/// Returns ln Gamma(x) for x > 0: Stirling's series (Abramowitz and Stegun 6.1.41), error below 1e-12.
///
/// ```
/// assert!((mfdoom_nn::ln_gamma(5.0) - 24f64.ln()).abs() < 1e-12);
/// ```
pub fn ln_gamma(x: f64) -> f64 {
    let (mut z, mut product) = (x, 1.0);
    while z < SHIFT {
        product *= z;
        z += 1.0;
    }
    let terms = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0, -691.0 / 360_360.0];
    let tail = power_series(&terms, 1.0 / (z * z)) / z;
    (z - 0.5) * z.ln() - z + 0.5 * std::f64::consts::TAU.ln() + tail - product.ln()
}

/// Returns d ln Gamma(x) / dx for x > 0 (Abramowitz and Stegun 6.3.18), error below 1e-12.
///
/// ```
/// let euler = 0.577_215_664_901_532_9;
/// assert!((mfdoom_nn::digamma(1.0) + euler).abs() < 1e-12);
/// ```
pub fn digamma(x: f64) -> f64 {
    let (mut z, mut sum) = (x, 0.0);
    while z < SHIFT {
        sum += 1.0 / z;
        z += 1.0;
    }
    let terms = [-1.0 / 12.0, 1.0 / 120.0, -1.0 / 252.0, 1.0 / 240.0, -1.0 / 132.0, 691.0 / 32_760.0];
    let square = 1.0 / (z * z);
    z.ln() - 0.5 / z + square * power_series(&terms, square) - sum
}

/// Returns the sum of `terms[i] x^i`.
fn power_series(terms: &[f64], x: f64) -> f64 {
    terms.iter().rev().fold(0.0, |sum, term| sum * x + term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_follow_their_recurrences() {
        for x in [1e-3, 0.2, 0.5, 1.0, 3.7, 9.99, 10.01, 250.0, 1e6] {
            let step = ln_gamma(x + 1.0) - ln_gamma(x);
            assert!((step - x.ln()).abs() < 1e-9 * (1.0 + ln_gamma(x).abs()), "ln_gamma at {x}: {step}");
            let step = digamma(x + 1.0) - digamma(x);
            assert!((step - 1.0 / x).abs() < 1e-10 * (1.0 + 1.0 / x), "digamma at {x}: {step}");
        }
    }

    #[test]
    fn known_values() {
        assert!((ln_gamma(0.5) - 0.5 * std::f64::consts::PI.ln()).abs() < 1e-12);
        assert!((digamma(0.5) + 1.963_510_026_021_423_5).abs() < 1e-12);
        assert!(ln_gamma(1.0).abs() < 1e-12 && ln_gamma(2.0).abs() < 1e-12);
    }
}
