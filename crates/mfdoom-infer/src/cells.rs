//! Blocks of cells under the ids of a model.

use std::ops::Range;
use std::sync::Arc;

use mfdoom_artifact::Column;
use mfdoom_cli::Progress;
use mfdoom_error::{Error, Result};
use mfdoom_model::{PackedBatch, Shown, highest};
use mfdoom_nn::Stream;
use mfdoom_tokens::{
    Coverage, MIN_COVERAGE, Measured, ModalityTokens, TokenBatch, TokenSchema, VocabularyMap,
};

use crate::model::TrainedModel;

/// The way from the tokens of one table to those of a model.
#[derive(Debug)]
pub(crate) struct TokenMapper {
    map: VocabularyMap,
    /// For each modality of the model the column of the table, if it is there and wanted.
    columns: Vec<Option<usize>>,
    coverage: Coverage,
    known: Arc<Known>,
    max_tokens: usize,
    cut: usize,
}

/// Which genes were measured where, under the model's ids.
#[derive(Debug)]
struct Known {
    modalities: Vec<String>,
    measured: Measured,
    everything: Arc<[u32]>,
}

/// Cells of a table that lie behind one another, their tokens under the model's ids.
#[derive(Debug)]
pub struct CellBlock<'a> {
    /// Data set of each cell.
    pub dataset: Vec<String>,
    /// Id of each cell within its data set.
    pub cell_id: Vec<String>,
    /// Obs columns of the table.
    pub obs: Vec<Column>,
    /// Tokens by modality of the model; a modality that is not there or not wanted is not measured.
    pub tokens: Vec<ModalityTokens>,
    /// The cells whose results are wanted. The others are there so that a shard sees the batches of the whole table.
    pub wanted: Range<usize>,
    known: Arc<Known>,
    max_tokens: usize,
    batch_cells: usize,
    progress: &'a Progress,
}

impl TokenMapper {
    /// Prepares the way from tables of `schema`; `only` names the modalities to use, all where it is empty.
    ///
    /// # Errors
    /// Usage: a name in `only` is none of the model's. Incompatible: table and model have no modality or too
    /// few genes in common.
    pub(crate) fn new(
        model: &TrainedModel,
        schema: &TokenSchema,
        only: &[String],
        max_tokens: usize,
    ) -> Result<Self> {
        let names = &model.model.config().modalities;
        if let Some(name) = only.iter().find(|name| !names.contains(name)) {
            return Err(Error::usage(format!("--use-modalities: the model knows no modality '{name}'"))
                .wanted(names.join(", ")));
        }
        let wanted = |name: &String| only.is_empty() || only.contains(name);
        let column = |name: &String| schema.modalities.iter().position(|m| m == name && wanted(m));
        let columns: Vec<Option<usize>> = names.iter().map(column).collect();
        if columns.iter().all(Option::is_none) {
            return Err(Error::incompatible("the tokens have no modality that the model can use")
                .found(schema.modalities.join(", "))
                .wanted(if only.is_empty() { names.join(", ") } else { only.join(", ") })
                .help("name the modality as the model does: mfdoom-preprocess --modality NAME=SOURCE"));
        }
        let map = VocabularyMap::new(&schema.vocabulary, &model.vocabulary);
        let coverage = map.coverage();
        coverage.check(MIN_COVERAGE, "the tokens")?;
        let known = Known {
            modalities: names.clone(),
            measured: map.apply_measured(&schema.measured),
            everything: (1..=model.vocabulary.len() as u32).collect(),
        };
        Ok(Self { map, columns, coverage, known: Arc::new(known), max_tokens, cut: 0 })
    }

    /// Returns the cells of a batch under the model's ids.
    pub(crate) fn map<'a>(
        &mut self,
        (batch, wanted): (TokenBatch, Range<usize>),
        batch_cells: usize,
        progress: &'a Progress,
    ) -> CellBlock<'a> {
        let n = batch.len();
        let of = |column: &Option<usize>| match column {
            Some(column) => self.map.apply(&batch.modalities[*column], &mut self.coverage),
            None => ModalityTokens::absent(n),
        };
        let tokens: Vec<ModalityTokens> = self.columns.iter().map(of).collect();
        let long = |cell: &usize| tokens.iter().any(|m| m.cell(*cell).0.len() > self.max_tokens);
        self.cut += wanted.clone().filter(long).count();
        let TokenBatch { dataset, cell_id, obs, .. } = batch;
        let (known, max_tokens) = (Arc::clone(&self.known), self.max_tokens);
        CellBlock { dataset, cell_id, obs, tokens, wanted, known, max_tokens, batch_cells, progress }
    }

    /// Returns what makes cells of the same kind, of which batches hold `batch_cells`.
    pub(crate) fn maker(&self, batch_cells: usize, progress: Progress) -> CellMaker {
        CellMaker { known: Arc::clone(&self.known), max_tokens: self.max_tokens, batch_cells, progress }
    }

    /// Logs how much of the input the model's vocabulary covered and how many cells were cut.
    pub(crate) fn report(&self) {
        let covered = self.coverage.to_string();
        match self.coverage.is_low() {
            true => tracing::warn!(
                "the model knows {covered}: its results say little of these cells; see whether genes have the \
                 model's names, or train a model on such cells"
            ),
            false => tracing::info!("the model knows {covered}"),
        }
        if self.cut > 0 {
            tracing::info!(
                "{} cells have more than {} tokens in a modality: the model saw their highest counts",
                self.cut,
                self.max_tokens
            );
        }
    }
}

/// Makes blocks of cells that no table holds, under the ids and the measured genes of a table.
#[derive(Debug)]
pub struct CellMaker {
    known: Arc<Known>,
    max_tokens: usize,
    batch_cells: usize,
    /// How far the making has come.
    pub progress: Progress,
}

impl CellMaker {
    /// Returns a block of cells, all of them wanted; `tokens` has an entry for each modality of the model.
    pub fn block(
        &self,
        dataset: Vec<String>,
        cell_id: Vec<String>,
        tokens: Vec<ModalityTokens>,
    ) -> CellBlock<'_> {
        CellBlock {
            wanted: 0..cell_id.len(),
            dataset,
            cell_id,
            obs: Vec::new(),
            tokens,
            known: Arc::clone(&self.known),
            max_tokens: self.max_tokens,
            batch_cells: self.batch_cells,
            progress: &self.progress,
        }
    }
}

impl CellBlock<'_> {
    /// Number of cells.
    pub fn len(&self) -> usize {
        self.cell_id.len()
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.cell_id.is_empty()
    }

    /// Returns the batches that the cells go through the model in, and counts them as done.
    pub fn batches(&self) -> impl Iterator<Item = Range<usize>> {
        (0..self.len()).step_by(self.batch_cells).map(|start| {
            let batch = start..self.len().min(start + self.batch_cells);
            let wanted = batch.clone().filter(|cell| self.wanted.contains(cell)).count();
            self.progress.inc(wanted as u64);
            batch
        })
    }

    /// Returns data set, id and obs columns of the cells that are wanted.
    pub fn into_wanted(self) -> (Vec<String>, Vec<String>, Vec<Column>) {
        if self.wanted.len() == self.len() {
            return (self.dataset, self.cell_id, self.obs);
        }
        let rows: Vec<usize> = self.wanted.clone().collect();
        let obs = self.obs.iter().map(|column| column.take(&rows)).collect();
        (self.dataset[self.wanted.clone()].to_vec(), self.cell_id[self.wanted].to_vec(), obs)
    }

    /// Returns the names of the model's modalities.
    pub fn modalities(&self) -> &[String] {
        &self.known.modalities
    }

    /// Returns the genes that the data set of a cell measured in a modality of the model.
    pub fn measured(&self, cell: usize, modality: usize) -> &Arc<[u32]> {
        let known = &self.known;
        let measured = known.measured.get(&self.dataset[cell], &known.modalities[modality]);
        measured.unwrap_or(&known.everything)
    }

    /// Returns a number of the cell's key, for streams of random numbers.
    pub fn key(&self, cell: usize) -> u64 {
        Stream::hash(&format!("{}\0{}", self.dataset[cell], self.cell_id[cell]))
    }

    /// Returns a cell as messages name it.
    pub fn name(&self, cell: usize) -> String {
        format!("data set '{}', cell '{}'", self.dataset[cell], self.cell_id[cell])
    }

    /// Checks that the numbers of a batch, as many for each cell, are finite.
    ///
    /// # Errors
    /// Failed, naming the first cell with another one.
    pub fn check_finite(&self, values: &[f32], batch: Range<usize>, what: &str) -> Result<()> {
        let Some(at) = values.iter().position(|value| !value.is_finite()) else { return Ok(()) };
        let cell = batch.start + at / (values.len() / batch.len().max(1)).max(1);
        Err(Error::failed(format!("the {what} of a cell is not finite"))
            .found(format!("{} in {}", values[at], self.name(cell)))
            .help("see whether its counts are of the size that the model was trained on"))
    }

    /// Returns the tokens of a cell in a modality, as they are packed.
    pub(crate) fn shown(&self, cell: usize, modality: usize) -> Shown<'_> {
        let tokens = &self.tokens[modality];
        let (ids, counts) = tokens.cell(cell);
        Shown { ids, counts, rows: None, library_size: tokens.library_size[cell] as f32 }
    }

    /// Packs cells for the model; of a long cell the highest counts.
    pub fn pack(&self, cells: Range<usize>) -> PackedBatch {
        let mut packed = PackedBatch::new(self.tokens.len());
        for cell in cells {
            packed.push_cell(|m| {
                let mut shown = self.shown(cell, m);
                shown.rows = highest(shown.counts, self.max_tokens);
                shown
            });
        }
        packed
    }

    /// Packs random tokens of cells for the model; those of a cell depend on its key and `draw` alone.
    pub(crate) fn pack_drawn(&self, cells: &[usize], draw: u64) -> PackedBatch {
        let mut packed = PackedBatch::new(self.tokens.len());
        for &cell in cells {
            let mut stream = Stream::new(0, "subset", draw, self.key(cell));
            packed.push_cell(|m| {
                let mut shown = self.shown(cell, m);
                shown.rows = Some(stream.sample(shown.ids.len(), self.max_tokens));
                shown
            });
        }
        packed
    }

    /// Returns the cells of a range that have more tokens of a modality than the model is shown.
    pub(crate) fn long(&self, cells: Range<usize>) -> Vec<usize> {
        cells.filter(|cell| self.tokens.iter().any(|m| m.cell(*cell).0.len() > self.max_tokens)).collect()
    }
}
