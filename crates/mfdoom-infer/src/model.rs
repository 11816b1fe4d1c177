//! A trained model, opened for use.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device};
use mfdoom_artifact::{Manifest, ModelDir};
use mfdoom_error::{Error, Kind, Result};
use mfdoom_model::{FORMAT, Model, ModelConfig, TensorResult, push_head};
use mfdoom_nn::ParameterStore;
use mfdoom_tokens::Vocabulary;

use crate::anchor::AnchorHeads;
use crate::cells::CellBlock;

/// A model folder with its weights on a device, frozen.
#[derive(Debug)]
pub struct TrainedModel {
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
    /// The closed form, which learns of data sets as it meets them.
    anchor: Option<Mutex<AnchorHeads>>,
}

impl TrainedModel {
    /// Opens a model folder.
    ///
    /// # Errors
    /// Contract: no such folder. Incompatible: another format version, or files that are damaged or do not fit.
    pub fn open(path: &Path, device: &Device) -> Result<Self> {
        let folder = open_folder(path, FORMAT)?;
        let opened = || {
            let config = ModelConfig::from_json(folder.config()).map_err(|e| e.context(path.display()))?;
            let vocabulary = Arc::new(Vocabulary::load(&folder.vocabulary_path())?);
            if vocabulary.len() + 1 != config.vocab {
                return Err(Error::incompatible(format!(
                    "{}: vocab.json does not fit config.json",
                    path.display()
                ))
                .found(format!("{} genes", vocabulary.len()))
                .wanted(format!("{} genes", config.vocab.saturating_sub(1))));
            }
            let (model, store) = Model::open(&folder.weights_path(), &config, device)?;
            let weights_sha256 = folder.weights_sha256()?;
            let anchor = AnchorHeads::new(&model).map(Mutex::new);
            Ok(Self { model, store, vocabulary, manifest: folder.manifest().clone(), weights_sha256, anchor })
        };
        opened().map_err(unfit)
    }

    /// Length of a head's vectors.
    pub fn width(&self) -> usize {
        let dim = self.model.readout_width();
        match self.anchor() {
            None => dim,
            Some(anchor) if anchor.with_network() => anchor.width() + dim,
            Some(anchor) => anchor.width(),
        }
    }

    fn anchor(&self) -> Option<MutexGuard<'_, AnchorHeads>> {
        // What it learns of a data set is whole or not there, so a panic elsewhere leaves nothing half done.
        self.anchor.as_ref().map(|anchor| anchor.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns vectors of all outputs, `[cells, outputs, width]`, of a batch of a block: the network's, those of the closed
    /// form, or both.
    ///
    /// # Errors
    /// Failed: the device fails, or a number is not finite.
    pub fn embed(&self, block: &CellBlock<'_>, batch: Range<usize>) -> Result<Vec<f32>> {
        let Some(mut anchor) = self.anchor() else { return self.readouts(block, batch, None) };
        let readouts = match anchor.with_network() {
            true => Some(self.readouts(block, batch.clone(), Some(&mut anchor))?),
            false => None,
        };
        let coordinates = anchor.coordinates(block, batch.clone());
        let (width, dim, outputs) = (anchor.width(), self.model.readout_width(), coordinates.len());
        let mut values = Vec::with_capacity(batch.len() * outputs * (width + dim));
        for cell in 0..batch.len() {
            for (output, of) in coordinates.iter().enumerate() {
                let readout = readouts.as_ref().map(|all| &all[(cell * outputs + output) * dim..][..dim]);
                push_head(&of[cell * width..][..width], readout, &mut values);
            }
        }
        block.check_finite(&values, batch, "embedding")?;
        Ok(values)
    }

    /// Returns the network's vectors of all outputs, `[cells, outputs, readout width]`.
    fn readouts(
        &self,
        block: &CellBlock<'_>,
        batch: Range<usize>,
        anchor: Option<&mut AnchorHeads>,
    ) -> Result<Vec<f32>> {
        let mut packed = block.pack(batch.clone());
        if let Some(anchor) = anchor.filter(|_| self.model.config().profile_tokens > 0) {
            anchor.add_profiles(block, batch.clone(), &mut packed);
        }
        let read = self.model.forward(&packed).and_then(|pooled| self.model.readouts(&pooled)).or_failed()?;
        let values = read.to_dtype(DType::F32).and_then(|p| p.flatten_all()?.to_vec1()).or_failed()?;
        block.check_finite(&values, batch, "embedding")?;
        Ok(values)
    }
}

/// Opens the folder of a model or decoder.
///
/// # Errors
/// Contract: there is no such folder. Incompatible: it is damaged or of another format version.
pub(crate) fn open_folder(path: &Path, format: u32) -> Result<ModelDir> {
    let opened = ModelDir::open(path, format);
    if path.is_dir() { opened.map_err(unfit) } else { opened }
}

/// A folder of ours that is damaged is not an input that breaks its contract, whatever file of it it was.
pub(crate) fn unfit(error: Error) -> Error {
    match error.kind() {
        Kind::Contract | Kind::Usage => error.of_kind(Kind::Incompatible),
        _ => error,
    }
}
