//! Intervals of scores from cells drawn again (Efron 1979): what another sample of as many cells might have given.

use mfdoom_matrix::percentile;
use mfdoom_matrix::random::stream;
use rand::Rng;
use rayon::prelude::*;

/// Samples that are drawn.
const DRAWS: usize = 200;
const DOMAIN: &[u8; 16] = b"mfdoom bootstrap";
/// Percentiles at the ends of the interval.
const ENDS: [f64; 2] = [2.5, 97.5];

/// Returns the 95 % percentile interval of a statistic of `n` items, which is given how often each was drawn.
///
/// Samples for which the statistic is not finite are left out; nothing, when that leaves fewer than half.
///
/// ```
/// use mfdoom_metrics::bootstrap;
/// let share = |drawn: &[u32]| f64::from(drawn[..50].iter().sum::<u32>()) / 100.0;
/// let [low, high] = bootstrap(100, 0, share).unwrap();
/// assert!((0.36..0.44).contains(&low) && (0.56..0.64).contains(&high), "{low} {high}");
/// ```
pub fn bootstrap(n: usize, seed: u64, statistic: impl Fn(&[u32]) -> f64 + Sync) -> Option<[f64; 2]> {
    if n < 2 {
        return None;
    }
    let draw = |sample: usize| {
        let mut random = stream(DOMAIN, seed, 0, sample);
        let mut drawn = vec![0u32; n];
        (0..n).for_each(|_| drawn[random.random_range(0..n)] += 1);
        statistic(&drawn)
    };
    let found: Vec<f64> = (0..DRAWS).into_par_iter().map(draw).collect();
    let mut found: Vec<f64> = found.into_iter().filter(|value| value.is_finite()).collect();
    (found.len() * 2 >= DRAWS).then(|| ENDS.map(|end| percentile(&mut found, end)))
}

/// Returns the interval of the mean of values.
pub fn bootstrap_mean(values: &[f64], seed: u64) -> Option<[f64; 2]> {
    let n = values.len() as f64;
    bootstrap(values.len(), seed, |drawn| {
        values.iter().zip(drawn).map(|(value, &times)| value * f64::from(times)).sum::<f64>() / n
    })
}

/// Returns the interval of the median of values.
pub fn bootstrap_median(values: &[f64], seed: u64) -> Option<[f64; 2]> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let half = values.len() as u32;
    bootstrap(values.len(), seed, |drawn| {
        let mut seen = 0;
        for &at in &order {
            seen += 2 * drawn[at];
            if seen >= half {
                return values[at];
            }
        }
        f64::NAN
    })
}
