//! Highly variable genes by Seurat's dispersion (Satija 2015): variance over mean, in standard deviations from the
//! mean of genes of like abundance.
//!
//! Dispersion is ln(variance / mean) of size-normalised counts, not of their logarithms; genes fall into 20 bins of
//! equal width of ln(1 + mean). The numbers are those of scanpy's `highly_variable_genes(flavor="seurat")`.

use crate::csr::Csr;

/// Bins of the logarithm of the mean, as Seurat and scanpy.
const BINS: usize = 20;

/// Sum, sum of squares and number of cells of one gene, zeros among them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GeneSums {
    /// Cells in which the gene was measured.
    pub n_cells: f64,
    /// Sum of its size-normalised counts.
    pub sum: f64,
    /// Sum of their squares.
    pub squares: f64,
}

impl GeneSums {
    /// Returns the sums of every gene of size-normalised counts, [n_genes].
    pub fn of(normalised: &Csr) -> Vec<Self> {
        let n_cells = normalised.n_rows() as f64;
        let mut sums = vec![Self { n_cells, ..Self::default() }; normalised.n_cols()];
        for (&j, &value) in normalised.indices().iter().zip(normalised.values()) {
            let (gene, value) = (&mut sums[j as usize], f64::from(value));
            gene.sum += value;
            gene.squares += value * value;
        }
        sums
    }

    /// Returns ln(1 + mean); 0 of no cells.
    fn log_mean(&self) -> f64 {
        if self.n_cells > 0.0 { (self.sum / self.n_cells).ln_1p() } else { 0.0 }
    }

    /// Returns ln(variance / mean); none of a gene without counts or without variance.
    fn dispersion(&self) -> Option<f64> {
        let &Self { n_cells: n, sum, squares } = self;
        let mean = sum / n;
        let variance = (squares / n - mean * mean) * n / (n - 1.0);
        (mean > 0.0 && variance > 0.0).then(|| (variance / mean).ln()).filter(|value| value.is_finite())
    }
}

/// Returns the normalised dispersion of every gene; NaN where a gene has none.
pub fn normalised_dispersion(genes: &[GeneSums]) -> Vec<f64> {
    let bins = bins_of(genes);
    let dispersion: Vec<Option<f64>> = genes.iter().map(GeneSums::dispersion).collect();
    let of_bins: Vec<(f64, f64)> = (0..BINS)
        .map(|bin| {
            let members = || bins.iter().zip(&dispersion).filter(|(of, _)| **of == bin);
            centre_and_spread(members().filter_map(|(_, value)| *value))
        })
        .collect();
    let normalise = |(&bin, value): (&usize, &Option<f64>)| {
        let (centre, spread) = of_bins[bin];
        value.map_or(f64::NAN, |value| (value - centre) / spread)
    };
    bins.iter().zip(&dispersion).map(normalise).collect()
}

/// Marks the `n_top` genes of highest [`normalised_dispersion`]; ties at the edge are all kept, as in scanpy, and a
/// gene without dispersion is never chosen.
pub fn highly_variable(genes: &[GeneSums], n_top: usize) -> Vec<bool> {
    let dispersion = normalised_dispersion(genes);
    let mut sorted: Vec<f64> = dispersion.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    if sorted.is_empty() || n_top == 0 {
        return vec![false; dispersion.len()];
    }
    let cutoff = sorted[n_top.min(sorted.len()) - 1];
    dispersion.iter().map(|&value| value >= cutoff).collect()
}

/// Returns mean and standard deviation of the dispersions of a bin; a gene alone in its bin has no spread to be
/// measured by and gets the score 1, as in Seurat.
fn centre_and_spread(members: impl Iterator<Item = f64>) -> (f64, f64) {
    let members: Vec<f64> = members.collect();
    let n = members.len() as f64;
    let mean = members.iter().sum::<f64>() / n;
    let squares: f64 = members.iter().map(|value| (value - mean).powi(2)).sum();
    match members.len() {
        1 => (0.0, mean),
        _ => (mean, (squares / (n - 1.0)).sqrt()),
    }
}

/// Returns the bin of every gene: equal widths from the smallest to the largest mean, closed on the right, as
/// `pandas.cut` makes them.
fn bins_of(genes: &[GeneSums]) -> Vec<usize> {
    let means: Vec<f64> = genes.iter().map(GeneSums::log_mean).collect();
    let low = means.iter().copied().fold(f64::INFINITY, f64::min);
    let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let edges: Vec<f64> = (1..BINS).map(|k| low + (high - low) * k as f64 / BINS as f64).collect();
    means.iter().map(|value| edges.partition_point(|edge| edge < value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispersions_are_scanpys() {
        // In scanpy's terms two bins are used, the first with genes 1 and 2, the last with gene 3 alone: score 1.
        let rows: Vec<(Vec<u32>, Vec<f32>)> = [(2.0, 1.0), (4.0, 9.0), (6.0, 2.0)]
            .map(|(a, b)| (vec![0, 1, 2], vec![a, b, 1e4 - a - b]))
            .to_vec();
        let genes = GeneSums::of(&Csr::from_rows(4, &rows));
        let scores = normalised_dispersion(&genes);
        for (score, wanted) in scores.iter().zip([-(0.5f64.sqrt()), 0.5f64.sqrt(), 1.0]) {
            assert!((score - wanted).abs() < 1e-6, "{scores:?}");
        }
        assert!(scores[3].is_nan(), "a gene without counts has no dispersion");
        assert_eq!(highly_variable(&genes, 4), [true, true, true, false]);
        assert_eq!(highly_variable(&genes, 1), [false, false, true, false]);
        // Two genes, each alone in its bin, score 1 both.
        assert_eq!(highly_variable(&[genes[1], genes[2]], 1), [true, true], "ties are all kept");
        assert_eq!(highly_variable(&[GeneSums::default(); 2], 1), [false, false]);
    }
}
