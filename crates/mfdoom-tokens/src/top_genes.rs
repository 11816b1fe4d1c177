//! The genes of highest dispersion ([`mfdoom_matrix::variable_genes`]), from sums of one streaming pass over counts
//! scaled to 10,000 per cell.

use mfdoom_matrix::variable_genes::{GeneSums, highly_variable};

use crate::tokens::ModalityTokens;

/// Total to which the counts of a cell are scaled.
const TARGET: f64 = 1e4;

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

    /// Returns the token ids of the `n` genes of highest normalised dispersion, ascending; ties at the edge are all
    /// kept, and a gene without dispersion is not chosen.
    pub fn top_genes(&self, n: usize) -> Vec<u32> {
        let chosen = highly_variable(&self.gene_sums(), n);
        (1..).zip(chosen).filter(|(_, chosen)| *chosen).map(|(token, _)| token).collect()
    }

    /// Returns the sums from which the dispersions follow, [n_genes].
    pub fn gene_sums(&self) -> Vec<GeneSums> {
        let sums = self.n_cells.iter().zip(&self.sum).zip(&self.sum_of_squares);
        sums.map(|((&n_cells, &sum), &squares)| GeneSums { n_cells: n_cells as f64, sum, squares }).collect()
    }
}

/// Returns the number of measured cells.
fn present(tokens: &ModalityTokens) -> u64 {
    tokens.present.iter().filter(|present| **present).count() as u64
}
