//! The counts of the cells, from the token table: what the plain baseline is made of.

use std::collections::HashMap;
use std::path::Path;

use mfdoom_artifact::{Column, Input, obs};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::Csr;
use mfdoom_tokens::{Measured, ModalityTokens, TokenBatch, TokenReader};

use super::input::{EmbeddedCells, NamedColumn};
use crate::args::EmbeddingArgs;
use crate::counts;
use crate::scores::ScoredInput;

/// Tokens of the cells of the embeddings, matched by key.
pub(super) struct BaselineCounts {
    source: ScoredInput,
    modalities: Vec<Modality>,
    measured: Measured,
    /// Data set of each cell in the tokens; none for cells that are not there.
    dataset: Vec<Option<String>>,
    /// Label of each cell, where the tokens have the column.
    pub(super) labels: Option<NamedColumn>,
    /// Names of the obs columns.
    pub(super) columns: Vec<String>,
}

struct Modality {
    name: String,
    /// Row of `tokens` of each cell that has the modality.
    row: Vec<Option<usize>>,
    tokens: ModalityTokens,
}

impl BaselineCounts {
    /// Reads the tokens of `cells`; a table without data sets is matched by cell id alone.
    ///
    /// # Errors
    /// Those of [`TokenReader`]; contract, when no cell is in the table or an id is in two data sets.
    pub(super) fn read(path: &Path, cells: &EmbeddedCells, args: &EmbeddingArgs) -> Result<Self> {
        let reader = TokenReader::open(&Input::parse(path))?;
        let schema = reader.schema().clone();
        let names = || schema.obs.iter().map(|field| field.name.as_str());
        let label = args.label.as_deref().and_then(|label| obs::position(names(), label));
        let n = cells.len();
        let modality = |name: &String| Modality {
            name: name.clone(),
            row: vec![None; n],
            tokens: ModalityTokens::default(),
        };
        let mut counts = Self {
            source: ScoredInput::new(
                &Input::parse(path).base_name(),
                Some(schema.manifest.content_id.clone()),
            ),
            modalities: schema.modalities.iter().map(modality).collect(),
            measured: schema.measured.clone(),
            dataset: vec![None; n],
            labels: label.map(|at| NamedColumn {
                column: schema.obs[at].name.clone(),
                kind: schema.obs[at].kind,
                values: vec![None; n],
            }),
            columns: schema.obs.iter().map(|field| field.name.clone()).collect(),
        };
        let place = Place::of(cells)?;
        for batch in reader {
            let batch = batch?;
            let texts = label.map(|at| Column::to_strings(&batch.obs[at]));
            for row in 0..batch.len() {
                if let Some(cell) = place.find(&batch.dataset[row], &batch.cell_id[row]) {
                    counts.add(cell, &batch, row, texts.as_deref())?;
                }
            }
        }
        if counts.n_unmatched() == n {
            return Err(Error::contract(format!("{}: none of the embedded cells is in it", path.display()))
                .found(format!("cells such as {:?}", cells.cell_id[0]))
                .help("give the tokens that were embedded"));
        }
        Ok(counts)
    }

    fn add(
        &mut self,
        cell: usize,
        batch: &TokenBatch,
        row: usize,
        labels: Option<&[Option<String>]>,
    ) -> Result<()> {
        if let Some(other) = &self.dataset[cell] {
            let (id, dataset) = (&batch.cell_id[row], &batch.dataset[row]);
            return Err(Error::contract(format!("cell {id:?} is in two data sets of the tokens"))
                .found(format!("{other}, {dataset}"))
                .help("give embeddings with a dataset column, as mfdoom-embed writes"));
        }
        self.dataset[cell] = Some(batch.dataset[row].clone());
        if let (Some(own), Some(labels)) = (&mut self.labels, labels) {
            own.values[cell] = labels[row].clone();
        }
        for (modality, tokens) in self.modalities.iter_mut().zip(&batch.modalities) {
            if tokens.present[row] {
                modality.row[cell] = Some(modality.tokens.len());
                let (index, count) = tokens.cell(row);
                modality
                    .tokens
                    .push(tokens.library_size[row], index.iter().copied().zip(count.iter().copied()));
            }
        }
        Ok(())
    }

    pub(super) fn source(&self) -> ScoredInput {
        self.source.clone()
    }

    pub(super) fn n_modalities(&self) -> usize {
        self.modalities.len()
    }

    pub(super) fn name(&self, modality: usize) -> &str {
        &self.modalities[modality].name
    }

    pub(super) fn is_present(&self, modality: usize, cell: usize) -> bool {
        self.modalities[modality].row[cell].is_some()
    }

    pub(super) fn is_matched(&self, cell: usize) -> bool {
        self.dataset[cell].is_some()
    }

    /// Returns the number of cells that are not in the tokens.
    pub(super) fn n_unmatched(&self) -> usize {
        self.dataset.iter().filter(|dataset| dataset.is_none()).count()
    }

    /// Returns the token ids that every data set of the cells measured: elsewhere a zero would be a guess.
    pub(super) fn common_genes(&self, modality: usize, cells: &[usize]) -> Vec<u32> {
        let datasets = cells.iter().filter_map(|&cell| self.dataset[cell].as_deref());
        counts::common_genes(&self.measured, self.name(modality), datasets)
    }

    /// Returns counts [cells, genes] and library sizes [cells] of cells that have the modality.
    pub(super) fn matrix(&self, modality: usize, cells: &[usize], genes: &[u32]) -> (Csr, Vec<f64>) {
        let Modality { row, tokens, .. } = &self.modalities[modality];
        let rows: Vec<usize> = cells.iter().filter_map(|&cell| row[cell]).collect();
        counts::matrix(tokens, &rows, genes)
    }
}

/// Where each cell of the embeddings is, by key.
struct Place<'a> {
    by_key: HashMap<(&'a str, &'a str), usize>,
    has_dataset: bool,
}

impl<'a> Place<'a> {
    fn of(cells: &'a EmbeddedCells) -> Result<Self> {
        let dataset = |row: usize| cells.dataset.as_ref().map_or("", |datasets| datasets[row].as_str());
        let keys = cells.cell_id.iter().enumerate().map(|(row, id)| ((dataset(row), id.as_str()), row));
        let by_key: HashMap<_, _> = keys.collect();
        if by_key.len() < cells.len() {
            return Err(Error::contract(format!("{}: cell ids are not unique", cells.name))
                .found(format!("{} ids of {} cells", by_key.len(), cells.len()))
                .help("without tokens the heads can still be scored: leave out --tokens"));
        }
        Ok(Self { by_key, has_dataset: cells.dataset.is_some() })
    }

    fn find(&self, dataset: &str, cell_id: &str) -> Option<usize> {
        self.by_key.get(&(if self.has_dataset { dataset } else { "" }, cell_id)).copied()
    }
}
