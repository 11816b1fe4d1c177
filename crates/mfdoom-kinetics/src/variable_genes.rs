//! Highly variable genes by Seurat's dispersion: variance over mean, standardised within 20 bins of the mean.

use crate::sparse::CsrView;

/// Bins of the logarithm of the mean, as Seurat and scanpy.
const BINS: usize = 20;

/// Returns the normalised dispersion of every gene; NaN where a gene has none.
///
/// `normalised` are size-normalised counts, not logarithms (`flavor="seurat"` of scanpy takes the logarithm back).
pub fn normalised_dispersion(normalised: CsrView<'_>) -> Vec<f64> {
    let (mean, dispersion) = mean_and_dispersion(normalised);
    let bins = bins_of(&mean);
    let mut count = [0_usize; BINS];
    let mut sum = [0.0; BINS];
    for (&bin, &value) in bins.iter().zip(&dispersion) {
        if value.is_finite() {
            count[bin] += 1;
            sum[bin] += value;
        }
    }
    let average: Vec<f64> = (0..BINS).map(|bin| sum[bin] / count[bin] as f64).collect();
    let mut squares = [0.0; BINS];
    for (&bin, &value) in bins.iter().zip(&dispersion) {
        if value.is_finite() {
            squares[bin] += (value - average[bin]).powi(2);
        }
    }
    let normalise = |(&bin, &value): (&usize, &f64)| match count[bin] {
        // A gene alone in its bin has no spread to be measured by: it gets 1, as in Seurat.
        1 => value / average[bin],
        n => (value - average[bin]) / (squares[bin] / (n as f64 - 1.0)).sqrt(),
    };
    bins.iter().zip(&dispersion).map(normalise).collect()
}

/// Marks the `n_top` genes of highest [`normalised_dispersion`]; ties at the edge are all kept.
pub fn highly_variable(normalised: CsrView<'_>, n_top: usize) -> Vec<bool> {
    let dispersion = normalised_dispersion(normalised);
    let mut sorted: Vec<f64> = dispersion.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    if sorted.is_empty() || n_top == 0 {
        return vec![false; dispersion.len()];
    }
    let cutoff = sorted[n_top.min(sorted.len()) - 1];
    dispersion.iter().map(|&value| value >= cutoff).collect()
}

/// Returns log1p of the mean and the logarithm of variance / mean, per gene.
fn mean_and_dispersion(normalised: CsrView<'_>) -> (Vec<f64>, Vec<f64>) {
    let n = normalised.n_rows() as f64;
    let mut sum = vec![0.0; normalised.n_cols];
    let mut squares = vec![0.0; normalised.n_cols];
    for (&j, &value) in normalised.indices.iter().zip(normalised.values) {
        sum[j as usize] += f64::from(value);
        squares[j as usize] += f64::from(value).powi(2);
    }
    let dispersion = |(&sum, &squares): (&f64, &f64)| {
        let mean = if sum == 0.0 { 1e-12 } else { sum / n };
        let variance = (squares / n - (sum / n).powi(2)) * n / (n - 1.0);
        let ratio = variance / mean;
        if ratio == 0.0 { f64::NAN } else { ratio.ln() }
    };
    let dispersions = sum.iter().zip(&squares).map(dispersion).collect();
    (sum.iter().map(|&sum| (sum / n).ln_1p()).collect(), dispersions)
}

/// Returns the bin of every mean: equal widths over their range, upper edges belonging to the lower bin.
fn bins_of(mean: &[f64]) -> Vec<usize> {
    let low = mean.iter().copied().fold(f64::INFINITY, f64::min);
    let high = mean.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let edges: Vec<f64> = (1..BINS).map(|k| low + (high - low) * k as f64 / BINS as f64).collect();
    mean.iter().map(|value| edges.partition_point(|edge| edge < value)).collect()
}
