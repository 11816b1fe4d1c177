//! A plain generator: a negative binomial of each gene, fitted to the cells of each label.

use std::collections::BTreeMap;

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;
use mfdoom_matrix::random::stream;
use mfdoom_metrics::MeanGene;
use rand::Rng;
use rand_distr::{Distribution, Gamma, Poisson};

use super::cells::LabelledCounts;

const DOMAIN: &[u8; 16] = b"mfdoom nb cells.";

/// Draws a cell for each of the training cells: of its label's shares and dispersions, and of its own library size.
///
/// # Errors
/// Failed: numbers that do not fit each other.
pub(super) fn per_label(training: &LabelledCounts, seed: u64) -> Result<LabelledCounts> {
    let sizes = training.counts.row_sums();
    let mut rows: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    training
        .labels
        .iter()
        .enumerate()
        .for_each(|(row, label)| rows.entry(label.as_deref()).or_default().push(row));
    let mut drawn = vec![(Vec::new(), Vec::new()); sizes.len()];
    for rows in rows.values() {
        let own: Vec<f64> = rows.iter().map(|&row| sizes[row]).collect();
        let model = MeanGene::fit(&training.counts.select_rows(rows), &own)
            .map_err(|error| Error::failed("no negative binomial fits the training cells").source(error))?;
        for &row in rows {
            drawn[row] = cell(&model, sizes[row], &mut stream(DOMAIN, seed, 0, row));
        }
    }
    Ok(LabelledCounts { counts: Csr::from_rows(training.counts.n_cols(), &drawn), ..training.clone() })
}

/// Draws the counts of one cell: Poisson of a gamma variable with the mean share x size and the dispersion of the gene.
fn cell(model: &MeanGene, size: f64, random: &mut impl Rng) -> (Vec<u32>, Vec<f32>) {
    let draw = |gene: usize, random: &mut dyn rand::RngCore| {
        let (mean, phi) = (model.shares[gene] * size, model.dispersion[gene]);
        let rate = match Gamma::new(1.0 / phi, mean * phi) {
            Ok(gamma) if phi > 1e-7 => gamma.sample(random),
            _ => mean,
        };
        Poisson::new(rate).map_or(0.0, |poisson| poisson.sample(random)) as f32
    };
    let counts = (0..model.shares.len()).map(|gene| (gene as u32, draw(gene, random)));
    counts.filter(|(_, count)| *count > 0.0).unzip()
}
