//! Means, variances and zeros of the genes.

use mfdoom_kinetics::graph::spearman;
use mfdoom_matrix::Csr;

use super::super::{Metric, Times, estimate};
use super::Samples;
use crate::scores::{Name, Outcome, Place, Scores};

const GROUP: &str = "Genes of generated and real";

const NAMES: &[Name] = &[
    Name::high("gene_mean_spearman", GROUP, "means, Spearman"),
    Name::high("gene_variance_spearman", GROUP, "variances, Spearman"),
    Name::low("gene_zeros_difference", GROUP, "zeros, mean difference"),
];

/// Spearman's correlation over genes of means and of variances of the counts, and the mean difference of the shares of
/// zeros; intervals are over genes.
pub(super) struct Genes;

impl Metric<Samples> for Genes {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &Samples, _: &Place, _: &Scores) -> Vec<Outcome> {
        let (real, generated) = (moments(&view.real_counts), moments(&view.generated_counts));
        let n = real.len();
        let rank = |of: fn(&Moments) -> f64| {
            let pairs: Vec<[f32; 2]> =
                real.iter().zip(&generated).map(|(a, b)| [of(a) as f32, of(b) as f32]).collect();
            Ok(estimate(n, view.seed, |times: Times<'_>| {
                let drawn = pairs
                    .iter()
                    .enumerate()
                    .flat_map(|(gene, pair)| (0..times(gene) as usize).map(move |_| *pair));
                let (a, b): (Vec<f32>, Vec<f32>) = drawn.map(|[a, b]| (a, b)).unzip();
                spearman(&a, &b)
            }))
        };
        let zeros: Vec<f64> = real.iter().zip(&generated).map(|(a, b)| (a.zeros - b.zeros).abs()).collect();
        let mean = |times: Times<'_>| {
            zeros.iter().enumerate().map(|(gene, x)| times(gene) * x).sum::<f64>() / n as f64
        };
        vec![rank(|gene| gene.mean), rank(|gene| gene.variance), Ok(estimate(n, view.seed, mean))]
    }
}

struct Moments {
    mean: f64,
    variance: f64,
    zeros: f64,
}

fn moments(counts: &Csr) -> Vec<Moments> {
    let n = counts.n_rows() as f64;
    let mut sums = vec![(0.0, 0.0, 0.0); counts.n_cols()];
    for row in 0..counts.n_rows() {
        let (genes, values) = counts.row(row);
        for (&gene, &value) in genes.iter().zip(values).filter(|(_, value)| **value != 0.0) {
            let sum = &mut sums[gene as usize];
            let value = f64::from(value);
            *sum = (sum.0 + value, sum.1 + value * value, sum.2 + 1.0);
        }
    }
    let of = |(sum, square, present): (f64, f64, f64)| {
        let mean = sum / n;
        Moments { mean, variance: square / n - mean * mean, zeros: 1.0 - present / n }
    };
    sums.into_iter().map(of).collect()
}
