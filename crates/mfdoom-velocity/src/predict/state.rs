//! Where a predicted cell is: its size-normalised counts, averaged over its neighbours.

use mfdoom_error::{Error, Result};
use mfdoom_infer::{CellBlock, TrainedDecoder};
use mfdoom_matrix::{Matrix, Metric, knn};

/// Modalities that a state is taken from, the first that a cell has.
const SOURCES: [&str; 2] = ["spliced", "expression"];

/// What turns counts into states.
pub struct States {
    /// Column of each vocabulary id, where the decoder has the gene.
    column: Vec<Option<u32>>,
    /// Whether the vocabulary has each gene.
    known: Vec<bool>,
    /// Counts of a cell are scaled to this total.
    size: f64,
    neighbors: usize,
}

impl States {
    /// Prepares the genes of a decoder. Cells are scaled to the median library size of the spliced counts that it
    /// was trained on, or of expression where there were none.
    pub fn new(decoder: &TrainedDecoder, neighbors: usize) -> Self {
        let vocabulary = &decoder.backbone.vocabulary;
        let mut column = vec![None; vocabulary.len() + 1];
        let mut known = vec![false; decoder.genes.len()];
        for (i, gene) in decoder.genes.iter().enumerate() {
            if let Some(id) = vocabulary.lookup(&gene.id) {
                column[id as usize] = Some(i as u32);
                known[i] = true;
            }
        }
        let libraries = &decoder.decoder.config().libraries;
        let median = SOURCES.iter().find_map(|m| libraries.get(*m)).map(|library| library.median);
        Self { column, known, size: median.unwrap_or(1e4), neighbors }
    }

    /// Returns the states of a run of cells, `[cells, genes]`; NaN for a gene that the model does not know.
    ///
    /// # Errors
    /// Failed, where the embedding is not finite.
    pub fn of(&self, run: &CellBlock<'_>, embedding: &[f32]) -> Result<Vec<f32>> {
        let (n, genes) = (run.len(), self.known.len());
        let mut own = vec![0f32; n * genes];
        for (cell, values) in own.chunks_exact_mut(genes.max(1)).enumerate() {
            self.normalised(run, cell, values);
        }
        if self.neighbors < 2 || n < 2 {
            return Ok(self.masked(own));
        }
        let failed = |e| Error::failed("neighbours in the fusion embedding").source(e);
        let vectors = Matrix::new(embedding.to_vec(), n, embedding.len() / n).map_err(failed)?;
        let k = (self.neighbors - 1).min(n - 1);
        let near = knn(&vectors, k, Metric::Euclidean).map_err(failed)?;
        let mut mean = own.clone();
        for (cell, values) in mean.chunks_exact_mut(genes.max(1)).enumerate() {
            for &other in near.indices(cell) {
                let other = &own[other as usize * genes..][..genes];
                values.iter_mut().zip(other).for_each(|(v, o)| *v += o);
            }
            values.iter_mut().for_each(|v| *v /= (k + 1) as f32);
        }
        Ok(self.masked(mean))
    }

    fn normalised(&self, run: &CellBlock<'_>, cell: usize, values: &mut [f32]) {
        let names = run.modalities();
        let place = |name: &&str| names.iter().position(|m| m == name);
        let has = |m: &usize| run.tokens[*m].library_size[cell] > 0.0;
        let source = SOURCES.iter().filter_map(place).find(has).or((0..names.len()).find(has));
        let Some(tokens) = source.map(|m| &run.tokens[m]) else { return };
        let factor = self.size / tokens.library_size[cell];
        let (ids, counts) = tokens.cell(cell);
        for (id, count) in ids.iter().zip(counts) {
            if let Some(column) = self.column[*id as usize] {
                values[column as usize] = (f64::from(*count) * factor) as f32;
            }
        }
    }

    fn masked(&self, mut values: Vec<f32>) -> Vec<f32> {
        for row in values.chunks_exact_mut(self.known.len().max(1)) {
            row.iter_mut().zip(&self.known).filter(|(_, known)| !**known).for_each(|(v, _)| *v = f32::NAN);
        }
        values
    }
}
