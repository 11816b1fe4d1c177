//! From the outputs of a decoder to the columns of a table.

use candle_core::{DType, Tensor};
use mfdoom_artifact::gene_table::{PREDICTED, PREDICTIONS_FORMAT, PROBABILITY};
use mfdoom_artifact::{Column, Gene, GeneBatch, GeneTableSchema, Manifest, ObsField, ObsType};
use mfdoom_error::{Error, Result};
use mfdoom_model::TensorResult;
use mfdoom_model::decoder::{DecoderConfig, DecoderTask, Library, Outputs};
use mfdoom_nn::Stream;
use mfdoom_tokens::TokenBatch;
use mfdoom_train::{Mapped, Predicted, TrainedDecoder};

use crate::sample::CountDistribution;

/// What is written of each cell.
pub struct Columns<'a> {
    pub decoder: &'a TrainedDecoder,
    /// Positions of the written genes among the decoder's.
    pub genes: Vec<usize>,
    /// Draws per cell, with their seed, instead of profiles.
    pub sample: Option<(u64, u64)>,
}

impl Columns<'_> {
    fn config(&self) -> &DecoderConfig {
        self.decoder.decoder.config()
    }

    /// Checks that the decoder can do what is asked of it.
    ///
    /// # Errors
    /// Incompatible: a velocity decoder. Usage: samples of a decoder without a distribution of counts.
    pub fn check(&self) -> Result<()> {
        let config = self.config();
        if config.task == DecoderTask::Velocity {
            return Err(Error::incompatible("the decoder predicts velocities")
                .wanted("a decoder of expression, counts or labels")
                .help("mfdoom-velocity predict TOKENS --model MODEL --decoder DECODER -o velocity/"));
        }
        match self.sample.is_some() && !config.loss.is_of_counts() {
            true => Err(Error::usage(format!("--sample: the decoder was trained with loss {}", config.loss))
                .wanted("a decoder with a distribution of counts: nb or zinb")
                .help("train it with --task generative")),
            false => Ok(()),
        }
    }

    /// Returns the schema of the table: a matrix per modality, or per modality and draw, or two columns.
    pub fn schema(&self, obs: Vec<ObsField>, manifest: Manifest) -> GeneTableSchema {
        let genes: Vec<Gene> = self.genes.iter().map(|i| self.decoder.genes[*i].clone()).collect();
        let names = self.names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut obs = obs;
        if self.config().task == DecoderTask::Classification {
            obs.retain(|field| field.name != PREDICTED && field.name != PROBABILITY);
            obs.push(ObsField::new(PREDICTED, ObsType::String));
            obs.push(ObsField::new(PROBABILITY, ObsType::Float));
        }
        GeneTableSchema::new(PREDICTIONS_FORMAT, genes, &names, manifest).with_obs(obs)
    }

    fn names(&self) -> Vec<String> {
        if self.config().task == DecoderTask::Classification {
            return Vec::new();
        }
        let draws = |target: &String| match self.sample {
            Some((n, _)) if n > 1 => (1..=n).map(|draw| format!("{target}_{draw}")).collect(),
            _ => vec![target.clone()],
        };
        self.config().targets.iter().flat_map(draws).collect()
    }

    /// Returns the rows of a block.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn rows(
        &self,
        block: TokenBatch,
        fields: &[ObsField],
        mapped: &Mapped,
        predicted: &Predicted,
    ) -> Result<GeneBatch> {
        let mut matrices = Vec::new();
        let mut labels = None;
        match (self.config().task, self.sample) {
            (DecoderTask::Classification, _) => labels = Some(self.labels(predicted)),
            (_, None) => matrices = self.profiles(predicted),
            (_, Some(sample)) => matrices = self.draws(&block, mapped, &predicted.outputs, sample)?,
        }
        let named = fields.iter().zip(block.obs);
        let free = |name: &str| labels.is_none() || (name != PREDICTED && name != PROBABILITY);
        let mut obs: Vec<Column> =
            named.filter(|(field, _)| free(&field.name)).map(|(_, column)| column).collect();
        obs.extend(labels.into_iter().flatten());
        Ok(GeneBatch { dataset: block.dataset, cell_id: block.cell_id, obs, matrices })
    }

    fn labels(&self, predicted: &Predicted) -> [Column; 2] {
        let classes = &self.config().classes;
        let best = |row: &[f32]| {
            let first = |a: &usize, b: &usize| row[*a].total_cmp(&row[*b]).then(b.cmp(a));
            (0..row.len()).max_by(first).unwrap_or_default()
        };
        let rows = predicted.values.chunks_exact(classes.len().max(1));
        let found: Vec<(usize, f32)> = rows.map(|row| (best(row), row[best(row)])).collect();
        [
            Column::String(found.iter().map(|(class, _)| Some(classes[*class].clone())).collect()),
            Column::Float(found.iter().map(|(_, p)| f64::from(*p)).collect()),
        ]
    }

    fn profiles(&self, predicted: &Predicted) -> Vec<Vec<f32>> {
        let (n, targets) = (self.config().genes, self.config().targets.len());
        let of = |target: usize| {
            let rows = predicted.values.chunks_exact(n * targets);
            rows.flat_map(|row| self.genes.iter().map(move |gene| row[target * n + gene])).collect()
        };
        (0..targets).map(of).collect()
    }

    /// Draws counts; those of a cell depend on the seed, its key and the number of the draw.
    fn draws(
        &self,
        block: &TokenBatch,
        mapped: &Mapped,
        outputs: &Outputs,
        (draws, seed): (u64, u64),
    ) -> Result<Vec<Vec<f32>>> {
        let config = self.config();
        let shares = numbers(&self.decoder.decoder.log_shares(outputs).or_failed()?)?;
        let gates = outputs.gate.as_ref().map(numbers).transpose()?;
        let dispersions = match self.decoder.decoder.log_dispersion() {
            Some(log) => numbers(log)?.into_iter().map(f64::exp).collect(),
            None => vec![1.0; config.outputs()],
        };
        let (n, targets) = (config.genes, config.targets.len());
        let mut matrices = Vec::new();
        for (t, target) in config.targets.iter().enumerate() {
            for draw in 0..draws {
                let mut values = Vec::with_capacity(block.len() * self.genes.len());
                for cell in 0..block.len() {
                    let size = self.library_size(mapped, cell, target);
                    let key = Stream::hash(&format!("{}\0{}", block.dataset[cell], block.cell_id[cell]));
                    let mut stream = Stream::new(seed, &format!("sample {target}"), draw, key);
                    for &gene in &self.genes {
                        let at = (cell * targets + t) * n + gene;
                        let distribution = CountDistribution {
                            mean: size * shares[at].exp(),
                            dispersion: dispersions[t * n + gene],
                            gate: gates.as_ref().map(|gates| gates[at]),
                        };
                        values.push(distribution.draw(&mut stream));
                    }
                }
                matrices.push(values);
            }
        }
        Ok(matrices)
    }

    /// Returns the library size of a cell in a modality: its own, else that of another modality times their
    /// ratio in the training cells, else the median of those.
    fn library_size(&self, mapped: &Mapped, cell: usize, target: &str) -> f64 {
        let names = &self.decoder.model.config().modalities;
        let size = |name: &str| {
            let m = names.iter().position(|m| m == name)?;
            Some(mapped.tokens[m].library_size[cell]).filter(|size| *size > 0.0)
        };
        let none = Library::default();
        let library = self.config().libraries.get(target).unwrap_or(&none);
        let scaled = || {
            let of = |name: &String| Some(size(name)? * library.ratios.get(name)?);
            names.iter().find_map(of)
        };
        size(target).or_else(scaled).unwrap_or(library.median)
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.to_dtype(DType::F64).and_then(|t| t.flatten_all()?.to_vec1()).or_failed()
}
