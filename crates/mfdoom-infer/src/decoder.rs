//! A trained decoder, opened for use: with its backbone, from blocks of cells to predictions.

use std::ops::Range;
use std::path::Path;

use candle_core::{DType, Device};
use mfdoom_artifact::{Gene, InputId, Manifest, ModelDir};
use mfdoom_decoder::{
    Assessment, CountDistributions, DECODER_FORMAT, DecodedCells, Decoder, DecoderConfig, Outputs,
    Prediction, ProfileBatch, Request, Rows,
};
use mfdoom_error::{Error, Result};
use mfdoom_model::{Model, PackedBatch, TensorResult};
use mfdoom_nn::ParameterBuilder;
use mfdoom_tokens::Vocabulary;

use crate::cells::CellBlock;
use crate::model::{TrainedModel, open_folder, unfit};

/// Name of the file that lists the genes of a decoder.
pub const GENES: &str = "genes.json";

/// A decoder folder with its backbone, on a device.
#[derive(Debug)]
pub struct TrainedDecoder {
    /// The backbone, with the parts that were trained with the decoder.
    pub model: Model,
    /// The decoder.
    pub decoder: Decoder,
    /// Genes of its outputs, in order; none for labels.
    pub genes: Vec<Gene>,
    /// What made the decoder.
    pub manifest: Manifest,
    /// The backbone as it was pre-trained, with its vocabulary and manifest.
    pub backbone: TrainedModel,
}

/// Predictions of a batch of cells.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// `[cells, outputs]` row by row, as [`Decoder::predict`] has them.
    pub values: Vec<f32>,
    /// What they were made of, of the highest counts of each cell.
    pub outputs: Outputs,
    /// The backbone's fusion vector, or that of the decoder's head where there is no fusion, `[cells, dim]` row by
    /// row.
    pub embedding: Vec<f32>,
    /// How far off the values may be, where the decoder knows; none for another cell.
    pub assessments: Vec<Option<Assessment>>,
}

impl TrainedDecoder {
    /// Opens a decoder and its backbone. No number is drawn, and what the decoder left as it was is the backbone's.
    ///
    /// # Errors
    /// Contract: no such folder. Incompatible: another format version, files that are damaged or do not fit, or a
    /// decoder of another backbone.
    pub fn open(path: &Path, model: &Path, device: &Device) -> Result<Self> {
        let folder = open_folder(path, DECODER_FORMAT)?;
        let config =
            DecoderConfig::from_json(folder.config()).map_err(|e| unfit(e).context(path.display()))?;
        let backbone = TrainedModel::open(model, device)?;
        if config.backbone_sha256 != backbone.weights_sha256 {
            return Err(Error::incompatible(format!("{}: the decoder of another model", path.display()))
                .found(format!("trained on the model with weights {}", short(&config.backbone_sha256)))
                .wanted(format!("{}, the weights of {}", short(&backbone.weights_sha256), model.display()))
                .help("give the model that the decoder was trained on, or train a decoder for this one"));
        }
        Self::on(&folder, &config, backbone, device).map_err(unfit)
    }

    fn on(
        folder: &ModelDir,
        config: &DecoderConfig,
        backbone: TrainedModel,
        device: &Device,
    ) -> Result<Self> {
        let name = folder.path().display();
        config.check(backbone.model.config()).map_err(|e| e.context(name.to_string()))?;
        let genes = Vocabulary::load(&folder.path().join(GENES))?.genes().to_vec();
        if genes.len() != config.genes {
            return Err(Error::incompatible(format!("{name}: {GENES} does not fit config.json"))
                .found(format!("{} genes", genes.len()))
                .wanted(format!("{} genes", config.genes)));
        }
        let weights = folder.weights_path();
        let load = || {
            let p = ParameterBuilder::file(&weights, DType::F32, device)?;
            let p = p.or_over(&backbone.store).frozen(|_| true);
            let model = Model::build(&p, backbone.model.config())?;
            let decoder = Decoder::build(&p.pp("decoder"), config, backbone.model.config())?;
            p.finish()?;
            Ok((model, decoder))
        };
        let (model, decoder) = load().or_unfit(&weights)?;
        Ok(Self { model, decoder, genes, manifest: folder.manifest().clone(), backbone })
    }

    /// Returns the decoder as an input of a manifest; `path` is its folder.
    pub fn as_input(&self, path: &Path) -> InputId {
        self.manifest.as_input(path)
    }

    /// Predicts a batch of a block: of each cell from the highest counts, or with more than one subset as the mean
    /// over so many random subsets of the tokens of a longer cell.
    ///
    /// # Errors
    /// Failed: the device fails, or a number is not finite.
    pub fn predict(&self, block: &CellBlock<'_>, batch: Range<usize>, subsets: u64) -> Result<Predictions> {
        let mut predictions = self.predict_chains(block, batch.clone(), 1)?;
        let long = if subsets > 1 { block.long(batch.clone()) } else { Vec::new() };
        if !long.is_empty() {
            let n = self.decoder.config().outputs();
            let means = self.averages(block, &long, subsets)?;
            for (cell, mean) in long.iter().zip(means.chunks_exact(n)) {
                let at = (cell - batch.start) * n;
                predictions.values[at..at + n].copy_from_slice(mean);
            }
            block.check_finite(&predictions.values, batch, "prediction")?;
        }
        Ok(predictions)
    }

    /// Predicts a batch of a block whose cells are chains of `length`, chain by chain: of each cell from it and those
    /// before it. A decoder of another task than next-state takes chains of 1.
    ///
    /// # Errors
    /// Failed: the device fails, or a number is not finite.
    pub fn predict_chains(
        &self,
        block: &CellBlock<'_>,
        batch: Range<usize>,
        length: usize,
    ) -> Result<Predictions> {
        let cells: Vec<usize> = batch.clone().collect();
        let profile = self.profile(block, &cells);
        let (outputs, embedding, assessments) = self.outputs(&block.pack(batch.clone()), &profile, length)?;
        let values = self.values(&outputs)?;
        block.check_finite(&values, batch.clone(), "prediction")?;
        block.check_finite(&embedding, batch, "embedding")?;
        Ok(Predictions { values, outputs, embedding, assessments })
    }

    /// Returns the values of cells as their means over random subsets of their tokens.
    fn averages(&self, block: &CellBlock<'_>, cells: &[usize], subsets: u64) -> Result<Vec<f32>> {
        let mut sums = vec![0f64; cells.len() * self.decoder.config().outputs()];
        let profile = self.profile(block, cells);
        for subset in 0..subsets {
            let (outputs, ..) = self.outputs(&block.pack_drawn(cells, subset), &profile, 1)?;
            let drawn = self.values(&outputs)?;
            sums.iter_mut().zip(drawn).for_each(|(sum, value)| *sum += f64::from(value));
        }
        Ok(sums.into_iter().map(|sum| (sum / subsets as f64) as f32).collect())
    }

    /// Returns what a table of predictions says of a batch.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn rows(
        &self,
        block: &CellBlock<'_>,
        batch: Range<usize>,
        predictions: &Predictions,
        request: &Request<'_>,
    ) -> Result<Rows> {
        let (decoder, cells) = (&self.decoder, &BatchCells { block, batch });
        let (values, outputs) = (&predictions.values, &predictions.outputs);
        decoder.config().task.rows(&Prediction { decoder, values, outputs, cells }, request)
    }

    /// Returns the distributions that counts are drawn from, where the decoder predicts counts.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn distributions(&self, predictions: &Predictions) -> Result<Option<CountDistributions>> {
        self.decoder.distributions(&predictions.outputs).or_failed()
    }

    /// Returns the library size that counts of a target are drawn with in a cell of a block.
    pub fn library_size(&self, block: &CellBlock<'_>, cell: usize, target: &str) -> f64 {
        let cells = BatchCells { block, batch: 0..block.len() };
        mfdoom_decoder::library_size(&self.decoder.config().libraries, &cells.library_sizes(cell), target)
    }

    fn values(&self, outputs: &Outputs) -> Result<Vec<f32>> {
        let values = self.decoder.predict(outputs).or_failed()?;
        values.to_dtype(DType::F32).and_then(|v| v.flatten_all()?.to_vec1()).or_failed()
    }

    /// Returns outputs, embeddings and assessments of cells.
    fn outputs(
        &self,
        packed: &PackedBatch,
        profile: &ProfileBatch,
        length: usize,
    ) -> Result<(Outputs, Vec<f32>, Vec<Option<Assessment>>)> {
        let run = || {
            let hidden = self.model.hidden(packed)?;
            let scheme = self.model.scheme();
            let row = scheme.output("fusion").or(scheme.output(&self.decoder.config().head)).unwrap_or(0);
            let pooled = self.model.pool(&hidden)?;
            let fusion = pooled.narrow(1, row, 1)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
            let context = self.decoder.network().context_of(&pooled, hidden)?;
            let context = if length > 1 { context.in_chains(length) } else { context };
            let (outputs, assessments) = self.decoder.forward_assessed(&context, profile)?;
            Ok((outputs, fusion, assessments))
        };
        run().or_failed()
    }

    /// Returns the profiles of cells, from all of their tokens.
    fn profile(&self, block: &CellBlock<'_>, cells: &[usize]) -> ProfileBatch {
        let mut profile = ProfileBatch::new(block.tokens.len());
        let Some(path) = self.decoder.profile() else { return profile };
        for &cell in cells {
            profile.push_cell(|m| {
                let here = path.mean(m).is_some() && !block.tokens[m].cell(cell).0.is_empty();
                here.then(|| (block.shown(cell, m), block.measured(cell, m)))
            });
        }
        profile
    }
}

fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}

/// The cells of a batch, as predictions know them.
struct BatchCells<'a> {
    block: &'a CellBlock<'a>,
    batch: Range<usize>,
}

impl DecodedCells for BatchCells<'_> {
    fn count(&self) -> usize {
        self.batch.len()
    }

    fn key(&self, cell: usize) -> u64 {
        self.block.key(self.batch.start + cell)
    }

    fn library_sizes(&self, cell: usize) -> Vec<(&str, f64)> {
        let size = |m: usize| self.block.tokens[m].library_size[self.batch.start + cell];
        let names = self.block.modalities().iter().enumerate().map(|(m, name)| (name.as_str(), size(m)));
        names.filter(|(_, size)| *size > 0.0).collect()
    }
}
