//! The chi-square distribution.

/// Returns the chance that a chi-square variable with `df` degrees of freedom exceeds `x`.
///
/// The sums are those that hold for whole degrees of freedom (Abramowitz and Stegun 1964, 26.4.4 and 26.4.5).
///
/// ```
/// use mfdoom_metrics::chi_square_above;
/// assert!((chi_square_above(3.841_458_820_694_124, 1) - 0.05).abs() < 1e-12);
/// assert!((chi_square_above(5.991_464_547_107_979, 2) - 0.05).abs() < 1e-12);
/// assert!((chi_square_above(16.918_977_604_620_45, 9) - 0.05).abs() < 1e-12);
/// ```
pub fn chi_square_above(x: f64, df: usize) -> f64 {
    if x <= 0.0 || df == 0 {
        return 1.0;
    }
    let half = x / 2.0;
    // Each term is the one before times x over the next odd or even number, in logarithms against overflow.
    let odd = df % 2 == 1;
    let (mut above, mut term, first) = match odd {
        true => (libm::erfc(half.sqrt()), (half / std::f64::consts::PI).ln() / 2.0 + 2f64.ln() - half, 3),
        false => (0.0, -half, 2),
    };
    for next in (first..=df).step_by(2) {
        above += term.exp();
        term += (x / next as f64).ln();
    }
    above.clamp(0.0, 1.0)
}
