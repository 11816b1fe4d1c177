//! The genes of highest dispersion, chosen as Seurat does (Satija 2015), from sums of one streaming pass.
//!
//! With x the counts scaled to 10,000 per cell (log-normalised values, the logarithm undone), a gene has
//! dispersion ln(var(x) / mean(x)). Genes are binned by ln(1 + mean(x)) into 20 bins of equal width, and
//! the dispersion is expressed in standard deviations from its bin's mean. Scanpy's
//! `highly_variable_genes(flavor="seurat")` defines the same numbers.

use crate::tokens::ModalityTokens;

/// Total to which the counts of a cell are scaled.
const TARGET: f64 = 1e4;
/// Number of bins of the mean.
const N_BINS: usize = 20;

/// Sums over cells per gene, token id i + 1 at position i.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneMoments {
    n_cells: Vec<u64>,
    cells: Vec<u64>,
    sum: Vec<f64>,
    sum_of_squares: Vec<f64>,
}

impl GeneMoments {
    /// Returns empty sums for a vocabulary of `n_genes`.
    pub fn new(n_genes: usize) -> Self {
        let zeros = vec![0.0; n_genes];
        Self { n_cells: vec![0; n_genes], cells: vec![0; n_genes], sum: zeros.clone(), sum_of_squares: zeros }
    }

    /// Adds the measured cells of a block, in which every gene was measured.
    ///
    /// Cells without counts take part as zeros, as in scanpy.
    pub fn add(&mut self, tokens: &ModalityTokens) {
        let n = present(tokens);
        self.n_cells.iter_mut().for_each(|cells| *cells += n);
        self.add_counts(tokens);
    }

    /// Adds the measured cells of a block, in which the genes of the token ids `measured` were measured: the
    /// others are unknown there, not zero.
    pub fn add_measured(&mut self, tokens: &ModalityTokens, measured: &[u32]) {
        let n = present(tokens);
        measured.iter().for_each(|&token| self.n_cells[token as usize - 1] += n);
        self.add_counts(tokens);
    }

    fn add_counts(&mut self, tokens: &ModalityTokens) {
        for cell in (0..tokens.len()).filter(|&cell| tokens.present[cell]) {
            let scale = TARGET / tokens.library_size[cell].max(f64::MIN_POSITIVE);
            let (index, count) = tokens.cell(cell);
            for (&token, &count) in index.iter().zip(count) {
                let gene = token as usize - 1;
                let x = scale * f64::from(count);
                self.cells[gene] += 1;
                self.sum[gene] += x;
                self.sum_of_squares[gene] += x * x;
            }
        }
    }

    /// Returns the sums of the genes with these token ids only, in that order.
    pub fn restricted_to(&self, tokens: &[u32]) -> Self {
        let pick = |values: &[f64]| tokens.iter().map(|&token| values[token as usize - 1]).collect();
        Self {
            n_cells: tokens.iter().map(|&token| self.n_cells[token as usize - 1]).collect(),
            cells: tokens.iter().map(|&token| self.cells[token as usize - 1]).collect(),
            sum: pick(&self.sum),
            sum_of_squares: pick(&self.sum_of_squares),
        }
    }

    /// Returns the number of cells each gene was seen in.
    pub fn cells(&self) -> &[u64] {
        &self.cells
    }

    /// Returns the normalised dispersion of each gene; genes without counts or variance have none.
    pub fn normalised_dispersions(&self) -> Vec<Option<f64>> {
        let genes: Vec<Dispersion> = self
            .sum
            .iter()
            .zip(&self.sum_of_squares)
            .zip(&self.n_cells)
            .map(|((&sum, &squares), &n)| raw(sum, squares, n as f64))
            .collect();
        let bins = bins(&genes);
        let moments: Vec<(f64, f64)> = (0..N_BINS).map(|bin| bin_moments(&genes, &bins, bin)).collect();
        let normalise = |(gene, &bin): (&Dispersion, &usize)| {
            let (mean, deviation) = moments[bin];
            gene.dispersion
                .map(|dispersion| (dispersion - mean) / deviation)
                .filter(|score| score.is_finite())
        };
        genes.iter().zip(&bins).map(normalise).collect()
    }

    /// Returns the token ids of the `n` genes of highest normalised dispersion, ascending; ties go to the
    /// smaller gene id, genes without dispersion come last.
    pub fn top_genes(&self, n: usize) -> Vec<u32> {
        let score: Vec<f64> = self
            .normalised_dispersions()
            .iter()
            .map(|dispersion| dispersion.unwrap_or(f64::NEG_INFINITY))
            .collect();
        let mut genes: Vec<usize> = (0..score.len()).collect();
        genes.sort_by(|&a, &b| score[b].total_cmp(&score[a]).then(a.cmp(&b)));
        let mut tokens: Vec<u32> = genes.into_iter().take(n).map(|gene| gene as u32 + 1).collect();
        tokens.sort_unstable();
        tokens
    }
}

/// Returns the number of measured cells.
fn present(tokens: &ModalityTokens) -> u64 {
    tokens.present.iter().filter(|present| **present).count() as u64
}

/// Returns mean and dispersion of a gene from its sums over `n` cells.
fn raw(sum: f64, squares: f64, n: f64) -> Dispersion {
    let mean = if n > 0.0 { sum / n } else { 0.0 };
    let variance = (squares - sum * mean) / (n - 1.0);
    let known = mean > 0.0 && variance > 0.0;
    Dispersion { log_mean: mean.ln_1p(), dispersion: known.then(|| (variance / mean).ln()) }
}

/// Logarithms of mean and dispersion of a gene.
struct Dispersion {
    log_mean: f64,
    dispersion: Option<f64>,
}

/// Returns the bin of each gene: equal widths from the smallest to the largest mean, closed on the right,
/// as `pandas.cut` makes them.
fn bins(genes: &[Dispersion]) -> Vec<usize> {
    let low = genes.iter().map(|gene| gene.log_mean).fold(f64::INFINITY, f64::min);
    let high = genes.iter().map(|gene| gene.log_mean).fold(f64::NEG_INFINITY, f64::max);
    let edge = |i: usize| low + (high - low) * i as f64 / N_BINS as f64;
    let edges: Vec<f64> = (1..N_BINS).map(edge).collect();
    genes.iter().map(|gene| edges.partition_point(|edge| *edge < gene.log_mean)).collect()
}

/// Returns mean and standard deviation of the dispersions of a bin; a bin of one gene gives it the score 1.
fn bin_moments(genes: &[Dispersion], bins: &[usize], bin: usize) -> (f64, f64) {
    let members: Vec<f64> = genes
        .iter()
        .zip(bins)
        .filter(|&(_, &of)| of == bin)
        .filter_map(|(gene, _)| gene.dispersion)
        .collect();
    let n = members.len() as f64;
    let mean = members.iter().sum::<f64>() / n;
    let squares: f64 = members.iter().map(|dispersion| (dispersion - mean).powi(2)).sum();
    match members.len() {
        1 => (0.0, mean),
        _ => (mean, (squares / (n - 1.0)).sqrt()),
    }
}
