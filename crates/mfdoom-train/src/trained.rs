//! A trained model, opened for use: weights, vocabulary, and the way from tokens to its batches.

use std::path::Path;
use std::sync::Arc;

use candle_core::Device;
use mfdoom_artifact::{Manifest, ModelDir};
use mfdoom_error::{Error, Result};
use mfdoom_model::{FORMAT, Model, ModelConfig, PackedBatch};
use mfdoom_nn::ParameterStore;
use mfdoom_tokens::{Coverage, Measured, ModalityTokens, TokenBatch, TokenSchema, Vocabulary, VocabularyMap};

use crate::data::MIN_COVERAGE;
use crate::view::highest;

/// A model folder with its weights on a device.
#[derive(Debug)]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// Its parameters.
    pub store: ParameterStore,
    /// Genes of its tables.
    pub vocabulary: Arc<Vocabulary>,
    /// What made it.
    pub manifest: Manifest,
    /// SHA-256 of its weights, by which a decoder knows its backbone.
    pub weights_sha256: String,
}

impl Trained {
    /// Opens a model folder.
    ///
    /// # Errors
    /// Contract: no such folder, or files that are damaged or do not fit. Incompatible: another format version.
    pub fn open(path: &Path, device: &Device) -> Result<Self> {
        let folder = ModelDir::open(path, FORMAT)?;
        let config = ModelConfig::from_json(folder.config()).map_err(|e| e.context(path.display()))?;
        let vocabulary = Arc::new(Vocabulary::load(&folder.vocabulary_path())?);
        if vocabulary.len() + 1 != config.vocab {
            return Err(Error::contract(format!("{}: vocab.json does not fit config.json", path.display()))
                .found(format!("{} genes", vocabulary.len()))
                .wanted(format!("{} genes", config.vocab - 1)));
        }
        let (model, store) = Model::open(&folder.weights_path(), &config, device)?;
        let weights_sha256 = folder.weights_sha256()?;
        Ok(Self { model, store, vocabulary, manifest: folder.manifest().clone(), weights_sha256 })
    }
}

/// The way from the tokens of one table to batches of a model.
#[derive(Clone, Debug)]
pub struct Adapter {
    map: VocabularyMap,
    /// For each modality of the model the column of the table, if it is there and wanted.
    columns: Vec<Option<usize>>,
    max_tokens: usize,
    coverage: Coverage,
    cut: usize,
    modalities: Vec<String>,
    measured: Measured,
    everything: Arc<[u32]>,
}

/// Tokens of a block under the model's ids, one entry per modality of the model.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// Tokens by modality; a modality that is not there or not wanted is not measured.
    pub tokens: Vec<ModalityTokens>,
    modalities: Vec<String>,
    measured: Measured,
    everything: Arc<[u32]>,
}

impl Mapped {
    /// Returns the genes that a data set measured in a modality of the model.
    pub fn measured(&self, dataset: &str, modality: usize) -> Arc<[u32]> {
        self.measured.get(dataset, &self.modalities[modality]).unwrap_or(&self.everything).clone()
    }
}

impl Adapter {
    /// Prepares the way from tables of `schema`; `only` names the modalities to use, all where it is empty.
    ///
    /// # Errors
    /// Usage: a name in `only` is none of the model's. Incompatible: table and model have no modality or too
    /// few genes in common.
    pub fn new(trained: &Trained, schema: &TokenSchema, only: &[String], max_tokens: usize) -> Result<Self> {
        let names = &trained.model.config().modalities;
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
        let map = VocabularyMap::new(&schema.vocabulary, &trained.vocabulary);
        let coverage = map.coverage();
        coverage.check(MIN_COVERAGE, "the tokens")?;
        let measured = map.apply_measured(&schema.measured);
        let everything = (1..=trained.vocabulary.len() as u32).collect();
        let modalities = names.clone();
        Ok(Self { map, columns, max_tokens, coverage, cut: 0, modalities, measured, everything })
    }

    /// Returns the tokens of a block under the model's ids.
    pub fn map(&mut self, block: &TokenBatch) -> Mapped {
        let of = |column: &Option<usize>| match column {
            Some(column) => self.map.apply(&block.modalities[*column], &mut self.coverage),
            None => ModalityTokens::absent(block.len()),
        };
        Mapped {
            tokens: self.columns.iter().map(of).collect(),
            modalities: self.modalities.clone(),
            measured: self.measured.clone(),
            everything: self.everything.clone(),
        }
    }

    /// Packs the cells of a block; of a long cell the highest counts.
    pub fn pack(&mut self, block: &TokenBatch) -> PackedBatch {
        let mut packed = PackedBatch::new(self.columns.len());
        packed.cells = block.len();
        let mut long = vec![false; block.len()];
        for (tokens, to) in self.map(block).tokens.iter().zip(&mut packed.modalities) {
            for (cell, long) in long.iter_mut().enumerate() {
                let (ids, counts) = tokens.cell(cell);
                *long |= ids.len() > self.max_tokens;
                let (ids, counts) = highest(ids, counts, self.max_tokens);
                to.push(&ids, &counts, tokens.library_size[cell] as f32);
            }
        }
        self.cut += long.into_iter().filter(|l| *l).count();
        packed
    }

    /// Returns, for each modality of the model, which cells of a block were measured in it and use it.
    pub fn measured(&self, block: &TokenBatch) -> Vec<Vec<bool>> {
        let measured = |column: &Option<usize>| match column {
            Some(column) => block.modalities[*column].present.clone(),
            None => vec![false; block.len()],
        };
        self.columns.iter().map(measured).collect()
    }

    /// Logs how much of the input the model's vocabulary covered and how many cells were cut.
    pub fn report(&self) {
        let c = &self.coverage;
        tracing::info!(
            "the model knows {} of the {} genes, with {:.1} % of the counts",
            c.shared_genes,
            c.input_genes,
            100.0 * c.counts()
        );
        if self.cut > 0 {
            tracing::info!("{} cells were cut to their {} highest counts", self.cut, self.max_tokens);
        }
    }
}
