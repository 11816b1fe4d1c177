//! Percentiles with linear interpolation between order statistics, as numpy's default.

/// Returns percentile `q` (0 to 100) of `values`, which are reordered; NaN for no values.
pub fn percentile(values: &mut [f64], q: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let position = (q / 100.0 * (values.len() - 1) as f64).clamp(0.0, (values.len() - 1) as f64);
    let lower = position.floor() as usize;
    let fraction = position - lower as f64;
    let (_, &mut a, above) = values.select_nth_unstable_by(lower, f64::total_cmp);
    if fraction == 0.0 || above.is_empty() {
        return a;
    }
    let b = above.iter().copied().fold(f64::INFINITY, |least, value| least.min(value));
    if fraction < 0.5 { a + (b - a) * fraction } else { b - (b - a) * (1.0 - fraction) }
}

/// Returns the median of `values`, which are reordered, the mean of the middle two for an even number; none for no
/// values.
pub fn median(values: &mut [f64]) -> Option<f64> {
    (!values.is_empty()).then(|| percentile(values, 50.0))
}

#[cfg(test)]
mod tests {
    use super::{median, percentile};

    #[test]
    fn interpolates_as_numpy() {
        // np.percentile([1, 2, 4, 8, 16], [0, 10, 50, 95, 100])
        let expected = [(0.0, 1.0), (10.0, 1.4), (50.0, 4.0), (95.0, 14.4), (100.0, 16.0)];
        for (q, value) in expected {
            let mut data = [8.0, 1.0, 16.0, 4.0, 2.0];
            assert!((percentile(&mut data, q) - value).abs() < 1e-12, "{q}");
        }
        assert!(percentile(&mut [], 50.0).is_nan());
        assert_eq!(median(&mut [4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(&mut [5.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&mut []), None);
    }
}
