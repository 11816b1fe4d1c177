//! A trained decoder, opened for use: with its backbone, from blocks of tokens to predictions.

use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device};
use mfdoom_artifact::{Gene, Manifest, ModelDir, read_safetensors_header};
use mfdoom_error::{Error, Result};
use mfdoom_model::decoder::{
    DECODER_FORMAT, Decoder, DecoderConfig, Outputs, PREFIX, ProfileBatch, add_decoder, log_normalised,
};
use mfdoom_model::{Model, PackedBatch, TensorResult};
use mfdoom_nn::{ParameterStore, Stream};
use mfdoom_tokens::{TokenBatch, TokenSchema, Vocabulary};

use crate::trained::{Adapter, Mapped, Trained};

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
    pub backbone: Trained,
    _store: ParameterStore,
}

/// How cells are looked at.
#[derive(Clone, Debug)]
pub struct Looks {
    /// Tokens of a modality that a look keeps.
    pub max_tokens: usize,
    /// Random token subsets that a longer cell is looked at in, and averaged over.
    pub subsets: u64,
}

/// Predictions of a block of cells.
#[derive(Clone, Debug)]
pub struct Predicted {
    /// `[cells, outputs]` row by row, as [`Decoder::predict`] has them.
    pub values: Vec<f32>,
    /// What they were made of, of the first look at each cell.
    pub outputs: Outputs,
    /// The backbone's fusion vector of the first look, or that of the decoder's head where there is no fusion,
    /// `[cells, dim]` row by row.
    pub embedding: Vec<f32>,
}

impl TrainedDecoder {
    /// Opens a decoder and its backbone.
    ///
    /// # Errors
    /// Contract: no such folder, or files that are damaged or do not fit. Incompatible: another format
    /// version, or a decoder of another backbone.
    pub fn open(path: &Path, model: &Path, device: &Device) -> Result<Self> {
        let folder = ModelDir::open(path, DECODER_FORMAT)?;
        let config = DecoderConfig::from_json(folder.config()).map_err(|e| e.context(path.display()))?;
        let backbone = Trained::open(model, device)?;
        if config.backbone_sha256 != backbone.weights_sha256 {
            return Err(Error::incompatible(format!("{}: the decoder of another model", path.display()))
                .found(format!("trained on the model with weights {}", short(&config.backbone_sha256)))
                .wanted(format!("{}, the weights of {}", short(&backbone.weights_sha256), model.display()))
                .help("give the model that the decoder was trained on, or train a decoder for this one"));
        }
        config.check(backbone.model.config()).map_err(|e| e.context(path.display()))?;
        let genes = Vocabulary::load(&folder.path().join(GENES))?.genes().to_vec();
        if genes.len() != config.genes {
            return Err(Error::contract(format!("{}: {GENES} does not fit config.json", path.display()))
                .found(format!("{} genes", genes.len()))
                .wanted(format!("{} genes", config.genes)));
        }
        let (store, model, decoder) = load(&folder, &config, &backbone, device)?;
        let manifest = folder.manifest().clone();
        Ok(Self { model, decoder, genes, manifest, backbone, _store: store })
    }

    /// Prepares the way from tables of `schema`; `only` names the modalities to use, all where it is empty.
    ///
    /// # Errors
    /// Those of [`Adapter::new`].
    pub fn adapter(&self, schema: &TokenSchema, only: &[String], max_tokens: usize) -> Result<Adapter> {
        Adapter::new(&self.backbone, schema, only, max_tokens)
    }

    /// Predicts a block of cells.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn predict(&self, adapter: &mut Adapter, block: &TokenBatch, looks: &Looks) -> Result<Predicted> {
        let mapped = adapter.map(block);
        let everyone: Vec<usize> = (0..block.len()).collect();
        let (outputs, embedding) = self.look(block, &mapped, &everyone, (looks.max_tokens, 0, 0.0))?;
        let mut values = self.values(&outputs)?;
        let long = |cell: &usize| mapped.tokens.iter().any(|m| m.cell(*cell).0.len() > looks.max_tokens);
        let long: Vec<usize> = everyone.into_iter().filter(long).collect();
        if looks.subsets > 1 && !long.is_empty() {
            let n = self.decoder.config().outputs();
            for look in 1..looks.subsets {
                let (more, _) = self.look(block, &mapped, &long, (looks.max_tokens, look, 0.0))?;
                for (cell, more) in long.iter().zip(self.values(&more)?.chunks(n)) {
                    values[cell * n..(cell + 1) * n].iter_mut().zip(more).for_each(|(v, m)| *v += m);
                }
            }
            for cell in long {
                let own = &mut values[cell * n..(cell + 1) * n];
                own.iter_mut().for_each(|v| *v /= looks.subsets as f32);
            }
        }
        Ok(Predicted { values, outputs, embedding })
    }

    /// Returns, for each cell, how far predictions spread when each gene is hidden with the given probability:
    /// the root mean square over outputs of the standard deviation over `looks.subsets` looks.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn spread(
        &self,
        adapter: &mut Adapter,
        block: &TokenBatch,
        looks: &Looks,
        hidden: f64,
    ) -> Result<Vec<f64>> {
        let mapped = adapter.map(block);
        let everyone: Vec<usize> = (0..block.len()).collect();
        let n = self.decoder.config().outputs();
        let mut sums = vec![[0f64; 2]; block.len() * n];
        let count = looks.subsets.max(2);
        for look in 0..count {
            let (outputs, _) = self.look(block, &mapped, &everyone, (looks.max_tokens, look, hidden))?;
            for (sums, value) in sums.iter_mut().zip(self.values(&outputs)?) {
                let value = f64::from(value);
                *sums = [sums[0] + value, sums[1] + value * value];
            }
        }
        let k = count as f64;
        let variance = |[x, xx]: &[f64; 2]| ((xx - x * x / k) / (k - 1.0)).max(0.0);
        let of = |cell: &[[f64; 2]]| (cell.iter().map(variance).sum::<f64>() / n as f64).sqrt();
        Ok(sums.chunks(n).map(of).collect())
    }

    fn values(&self, outputs: &Outputs) -> Result<Vec<f32>> {
        let values = self.decoder.predict(outputs).or_failed()?;
        values.to_dtype(DType::F32).and_then(|v| v.flatten_all()?.to_vec1()).or_failed()
    }

    /// Looks at some cells of a block; the draws of a cell depend on its key and the number of the look.
    fn look(
        &self,
        block: &TokenBatch,
        mapped: &Mapped,
        cells: &[usize],
        (max_tokens, look, hide): (usize, u64, f64),
    ) -> Result<(Outputs, Vec<f32>)> {
        let n = self.model.config().modalities.len();
        let mut packed = PackedBatch::new(n);
        let mut profile = ProfileBatch::new(n);
        (packed.cells, profile.cells) = (cells.len(), cells.len());
        for &cell in cells {
            let key = Stream::hash(&format!("{}\0{}", block.dataset[cell], block.cell_id[cell]));
            let hidden = hidden(self.backbone.vocabulary.len(), look, key, hide);
            let mut stream = Stream::new(0, "subset", look, key);
            for m in 0..n {
                let tokens = &mapped.tokens[m];
                let (ids, counts) = tokens.cell(cell);
                let size = tokens.library_size[cell] as f32;
                let open: Vec<usize> = (0..ids.len()).filter(|i| !hidden(ids[*i])).collect();
                let kept = stream.sample(open.len(), max_tokens);
                let kept: Vec<usize> = kept.into_iter().map(|i| open[i]).collect();
                let of = |i: &usize| (ids[*i], counts[*i]);
                let (kept_ids, kept_counts): (Vec<u32>, Vec<f32>) = kept.iter().map(of).unzip();
                packed.modalities[m].push(&kept_ids, &kept_counts, size);
                let mean = self.decoder.profile().and_then(|path| path.mean(m));
                match mean.filter(|_| !open.is_empty()) {
                    None => profile.modalities[m].push_absent(),
                    Some(mean) => {
                        let measured = mapped.measured(&block.dataset[cell], m);
                        let seen = open.iter().map(|i| (ids[*i], log_normalised(counts[*i], size)));
                        let masked =
                            measured.iter().filter(|id| hidden(**id)).map(|id| (*id, mean[*id as usize]));
                        profile.modalities[m].push(seen.chain(masked), &measured);
                    }
                }
            }
        }
        self.run(&packed, &profile).or_failed()
    }

    fn run(&self, packed: &PackedBatch, profile: &ProfileBatch) -> candle_core::Result<(Outputs, Vec<f32>)> {
        let hidden = self.model.hidden(packed)?;
        let scheme = self.model.scheme();
        let row = scheme.output("fusion").or(scheme.output(&self.decoder.config().head)).unwrap_or(0);
        let pooled = self.model.pool(&hidden)?.narrow(1, row, 1)?.to_dtype(DType::F32)?;
        let context = self.decoder.network().context_of(&self.model, hidden)?;
        Ok((self.decoder.forward(&context, profile)?, pooled.flatten_all()?.to_vec1()?))
    }
}

/// Returns whether a vocabulary id is hidden in a look at a cell.
fn hidden(genes: usize, look: u64, key: u64, probability: f64) -> impl Fn(u32) -> bool {
    let mut stream = Stream::new(0, "hidden", look, key);
    let n = if probability > 0.0 { genes + 1 } else { 0 };
    let drawn: Arc<[bool]> = (0..n).map(|_| stream.chance(probability)).collect();
    move |id| drawn.get(id as usize).copied().unwrap_or(false)
}

fn load(
    folder: &ModelDir,
    config: &DecoderConfig,
    backbone: &Trained,
    device: &Device,
) -> Result<(ParameterStore, Model, Decoder)> {
    let path = folder.weights_path();
    let names: Vec<String> = read_safetensors_header(&path)?.1.tensors().into_keys().collect();
    let read = |path: &Path| std::fs::read(path).map_err(|e| Error::io(path, e));
    let damaged = |e: candle_core::Error| {
        Error::contract(format!("{}: not the weights of its config.json", path.display())).source(e)
    };
    let model = backbone.model.config();
    let mut store = mfdoom_model::initialise(model, 0, DType::F32, device).or_failed()?;
    store.load(&backbone.store.save().or_failed()?).or_failed()?;
    add_decoder(&mut store, config, model).or_failed()?;
    let wanted = |name: &str| name.starts_with(PREFIX) || names.iter().any(|known| known == name);
    store.load_where(&read(&path)?, wanted).map_err(damaged)?;
    store.freeze(|_| true);
    let loaded = Model::load(&store, model).or_failed()?;
    let decoder = Decoder::load(&store, config, model).or_failed()?;
    Ok((store, loaded, decoder))
}

fn short(sha256: &str) -> &str {
    sha256.get(..12).unwrap_or(sha256)
}
