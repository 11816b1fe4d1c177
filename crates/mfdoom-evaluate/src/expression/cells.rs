//! Counts that were measured: of the predicted cells, and of training cells.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use mfdoom_artifact::{GeneBatch, Input};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::subsample::thin;
use mfdoom_matrix::{Csr, Matrix, SizeTarget, log_normalise};
use mfdoom_tokens::{TokenBatch, TokenReader, TokenSchema};

use super::args::ExpressionArgs;
use super::score::TARGET;
use crate::counts;
use crate::scores::ScoredInput;

/// Cells of a token table.
pub(super) struct TokenCells {
    pub(super) source: ScoredInput,
    /// Name of the file for messages.
    name: String,
    schema: Arc<TokenSchema>,
    tokens: TokenBatch,
}

/// Counts of some cells in one modality.
pub(super) struct SizedCounts {
    /// Counts, [n, genes].
    pub(super) counts: Csr,
    /// Library sizes, [n], all above 0.
    pub(super) sizes: Vec<f64>,
}

impl TokenCells {
    fn open(path: &Path) -> Result<(Self, TokenReader)> {
        let input = Input::parse(path);
        let reader = TokenReader::open(&input)?;
        let schema = reader.schema().clone();
        let content_id = Some(schema.manifest.content_id.clone());
        let source = ScoredInput::new(&input.base_name(), content_id);
        Ok((Self { source, name: path.display().to_string(), schema, tokens: TokenBatch::default() }, reader))
    }

    /// Reads the predicted cells, and returns with them where each is among the predicted.
    ///
    /// # Errors
    /// Those of [`TokenReader`]; contract, when none of the cells is there.
    pub(super) fn matching(path: &Path, predicted: &GeneBatch) -> Result<(Self, Vec<usize>)> {
        let (mut cells, reader) = Self::open(path)?;
        let keys = predicted.dataset.iter().zip(&predicted.cell_id);
        let place: HashMap<_, _> = keys.enumerate().map(|(row, key)| (key, row)).collect();
        let mut of = Vec::new();
        let mut first = None;
        for batch in reader {
            let batch = batch?;
            let found = |row: usize| place.get(&(&batch.dataset[row], &batch.cell_id[row])).copied();
            let rows: Vec<usize> = (0..batch.len()).filter(|&row| found(row).is_some()).collect();
            of.extend(rows.iter().filter_map(|&row| found(row)));
            first = first.or_else(|| Some((batch.dataset.first()?.clone(), batch.cell_id.first()?.clone())));
            cells.add(batch, &rows)?;
        }
        if of.is_empty() {
            let example = |key: Option<(String, String)>| match key {
                Some((dataset, cell)) => format!("cells such as {cell:?} of {dataset:?}"),
                None => "no cells".to_owned(),
            };
            let predicted = predicted.dataset.first().cloned().zip(predicted.cell_id.first().cloned());
            return Err(Error::contract(format!("{}: none of the predicted cells is in it", cells.name))
                .found(format!("{}; predicted are {}", example(first), example(predicted)))
                .wanted("the same data set and cell id")
                .help("give the tokens that were decoded"));
        }
        Ok((cells, of))
    }

    /// Reads training cells, at most as many as are scored.
    ///
    /// # Errors
    /// Those of [`TokenReader`].
    pub(super) fn training(path: &Path, args: &ExpressionArgs) -> Result<Self> {
        let (mut cells, reader) = Self::open(path)?;
        let (mut rows, mut total) = (Vec::new(), 0);
        for batch in reader {
            let batch = batch?;
            let own: Vec<usize> = (0..batch.len()).collect();
            rows.extend(total..total + batch.len());
            total += batch.len();
            cells.add(batch, &own)?;
            if rows.len() >= args.max_cells.saturating_mul(2) {
                rows = cells.thin(&rows, args);
            }
        }
        cells.thin(&rows, args);
        Ok(cells)
    }

    fn add(&mut self, mut batch: TokenBatch, rows: &[usize]) -> Result<()> {
        batch.obs.clear();
        let taken = batch.take(rows);
        self.tokens.append(&taken, 0..taken.len())
    }

    fn thin(&mut self, rows: &[usize], args: &ExpressionArgs) -> Vec<usize> {
        let kept = thin(rows, args.max_cells, args.run.seed.seed);
        if kept.len() < rows.len() {
            self.tokens = self.tokens.take(&kept);
        }
        kept.into_iter().map(|at| rows[at]).collect()
    }

    /// Returns the number of cells.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Returns the position of a modality; nothing when the table does not have it.
    pub(super) fn modality(&self, name: &str) -> Option<usize> {
        self.schema.modalities.iter().position(|modality| modality == name)
    }

    /// Returns the position of a modality that must be there.
    ///
    /// # Errors
    /// Contract, naming the modalities that are there.
    pub(super) fn need_modality(&self, name: &str) -> Result<usize> {
        self.schema.modality(name).map_err(|error| error.context(&self.name))
    }

    /// Returns the cells that have counts in a modality.
    pub(super) fn with_counts(&self, modality: usize) -> Vec<usize> {
        // A table without cells has no tokens of any modality either.
        let sizes = self.tokens.modalities.get(modality).map_or(&[][..], |tokens| &tokens.library_size);
        (0..sizes.len()).filter(|&cell| sizes[cell] > 0.0).collect()
    }

    /// Returns the ids of the genes that every data set of some cells measured in a modality.
    pub(super) fn measured(&self, modality: usize, cells: &[usize]) -> HashSet<&str> {
        let datasets = cells.iter().map(|&cell| self.tokens.dataset[cell].as_str());
        let ids = counts::common_genes(&self.schema.measured, &self.schema.modalities[modality], datasets);
        ids.into_iter().filter_map(|id| Some(self.schema.vocabulary.gene(id)?.id.as_str())).collect()
    }

    /// Returns the counts of some cells in a modality; `genes` are ids in ascending order.
    pub(super) fn counts(&self, modality: usize, cells: &[usize], genes: &[String]) -> SizedCounts {
        let ids: Vec<u32> = genes.iter().filter_map(|gene| self.schema.vocabulary.lookup(gene)).collect();
        let (counts, sizes) = counts::matrix(&self.tokens.modalities[modality], cells, &ids);
        SizedCounts { counts, sizes }
    }
}

impl SizedCounts {
    /// Returns ln(1 + 1e4 x share), [n, genes], in sparse form.
    ///
    /// # Errors
    /// Failed: not one library size a cell, which would be a bug.
    pub(super) fn log_normalised(&self) -> Result<Csr> {
        let mut values = self.counts.clone();
        log_normalise(&mut values, Some(&self.sizes), SizeTarget::Total(TARGET))
            .map_err(super::score::failed)?;
        Ok(values)
    }

    /// Returns the shares of the library, [n, genes].
    ///
    /// # Errors
    /// Failed: a matrix that does not fit, which would be a bug.
    pub(super) fn shares(&self) -> Result<Matrix> {
        let width = self.counts.n_cols();
        let mut shares = vec![0.0; self.sizes.len() * width];
        for (row, &size) in self.sizes.iter().enumerate() {
            let (genes, counts) = self.counts.row(row);
            for (&gene, &count) in genes.iter().zip(counts) {
                shares[row * width + gene as usize] = (f64::from(count) / size) as f32;
            }
        }
        Matrix::new(shares, self.sizes.len(), width).map_err(super::score::failed)
    }
}
