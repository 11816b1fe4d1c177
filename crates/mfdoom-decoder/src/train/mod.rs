//! Fine-tuning a decoder: the trainer's loop with another task.
//!
//! ```text
//! views.rs   what of a cell the decoder sees     frozen.rs  pooled vectors, computed once
//! scores.rs  validation
//! ```

mod frozen;
mod scores;
mod views;

use candle_core::{DType, Tensor};
use mfdoom_error::Result;
use mfdoom_model::{Model, TensorResult};
use mfdoom_nn::ParameterStore;
use mfdoom_train::{StepLoss, Task, TrainingCells};

use self::frozen::Frozen;
use self::scores::{Accuracy, Agreement};
pub use self::views::DecoderViews;
use self::views::VALIDATION;
pub(crate) use self::views::View;
use crate::config::Architecture;
use crate::decoder::{Decoder, Outputs};
use crate::likelihood::Target;
use crate::network::Context;
use crate::profile::ProfileBatch;
use crate::target::{Chains, Targets};

/// Name of the validation score that states are compared by; less is better.
pub const SELECTION: &str = "selection";

/// Bytes at most that the vectors of a frozen backbone may take; beyond, they are computed anew every time.
const MOST_BYTES: u64 = 4 << 30;

/// The cells that a decoder learns from, and those that it is judged on.
#[derive(Clone, Debug)]
pub struct DecoderCells<'a> {
    /// All cells.
    pub cells: &'a TrainingCells,
    /// Their targets.
    pub targets: &'a dyn Targets,
    /// Cells held back.
    pub held_back: Vec<usize>,
}

/// A decoder on its backbone, the cells it learns from and those it is judged on.
#[derive(Debug)]
pub struct Finetuning<'a> {
    /// The backbone, sharing its parameters with the store that is trained.
    pub model: Model,
    /// The decoder, of the same store.
    pub decoder: Decoder,
    /// All cells.
    pub cells: &'a TrainingCells,
    /// Their targets.
    pub targets: &'a dyn Targets,
    /// Cells held back.
    pub held_back: Vec<usize>,
    /// How cells are shown.
    pub views: DecoderViews,
    /// Cells of a validation batch.
    pub batch_cells: usize,
    frozen: Option<Frozen>,
}

impl<'a> Finetuning<'a> {
    /// Prepares the task.
    pub fn new(
        model: Model,
        decoder: Decoder,
        data: DecoderCells<'a>,
        views: DecoderViews,
        batch_cells: usize,
    ) -> Self {
        let DecoderCells { cells, targets, held_back } = data;
        Self { model, decoder, cells, targets, held_back, views, batch_cells, frozen: None }
    }

    /// Keeps what the backbone makes of a cell, where it fits into memory; for a backbone of which nothing is trained.
    #[must_use]
    pub fn with_frozen_backbone(mut self) -> Self {
        let pooled = self.decoder.config().architecture == Architecture::Pooled;
        let bytes = self.views.n_repeated() * (self.cells.len() * self.model.config().dim) as u64 * 4;
        if pooled && bytes <= MOST_BYTES {
            self.frozen = Some(Frozen::new(self.cells.len(), &self.held_back));
        }
        self
    }

    /// Returns what is seen of some cells and what should come out: the cells themselves, or chains that they begin and
    /// the cells that follow.
    fn cells(&self, starts: &[usize], draw: u64) -> Chains {
        let own = || Chains { length: 1, seen: starts.to_vec(), wanted: starts.to_vec() };
        self.targets.chains(starts, (self.views.views.seed, draw)).unwrap_or_else(own)
    }

    fn outputs(&self, store: &ParameterStore, chains: &Chains, view: View) -> candle_core::Result<Outputs> {
        let batch = &chains.seen[..];
        let network = self.decoder.network();
        let compute =
            |cells: &[usize]| network.context(&self.model, &self.views.pack(self.cells, cells, view));
        let context: Context = match self.frozen.as_ref().filter(|_| self.views.repeats(view)) {
            Some(frozen) => frozen.context(batch, view, store.device(), compute)?,
            None => compute(batch)?,
        };
        let profile = match self.decoder.profile() {
            Some(path) => self.views.profile(self.cells, path, batch, view),
            None => ProfileBatch::new(self.cells.modalities.len()),
        };
        let context = if chains.length > 1 { context.in_chains(chains.length) } else { context };
        self.decoder.forward(&context, &profile)
    }

    /// Ways of looking at the cells held back: all modalities, and each alone where training hides some.
    fn modes(&self) -> Vec<(String, Option<usize>)> {
        let mut modes = vec![("all".to_owned(), None)];
        let allowed: Vec<usize> = (0..self.views.allowed.len()).filter(|m| self.views.allowed[*m]).collect();
        if self.views.views.modality_dropout > 0.0 && allowed.len() > 1 {
            modes.extend(allowed.into_iter().map(|m| (self.cells.modalities[m].clone(), Some(m))));
        }
        modes
    }

    fn validate_mode(&self, store: &ParameterStore, only: Option<usize>) -> Result<Mode> {
        let sees = |cell: &usize| only.is_none_or(|m| !self.cells.tokens(m).cell(*cell).0.is_empty());
        let cells: Vec<usize> = self.held_back.iter().copied().filter(sees).collect();
        let n = self.decoder.config().outputs();
        let mut mode = Mode {
            loss: 0.0,
            cells: cells.len(),
            agreement: Agreement::new(n),
            hidden: Agreement::new(n),
            accuracy: Accuracy::new(n),
        };
        for batch in cells.chunks(self.batch_cells) {
            let chains = self.cells(batch, VALIDATION);
            let outputs = self.outputs(store, &chains, View::validation(only)).or_failed()?;
            let target = self.targets.of(self.cells, &chains.wanted, store.device()).or_failed()?;
            let loss = self.decoder.loss(&outputs, &target).or_failed()?;
            mode.loss += number(&loss.total)? * batch.len() as f64;
            let predicted = self.decoder.predict(&outputs).or_failed()?;
            let predicted = predicted.to_dtype(DType::F32).and_then(|p| p.to_vec2::<f32>()).or_failed()?;
            self.judge(&chains.seen, &predicted, &target, &mut mode);
        }
        Ok(mode)
    }

    fn judge(&self, batch: &[usize], predicted: &[Vec<f32>], target: &Target, mode: &mut Mode) {
        if let Target::Labels(labels) = target {
            predicted.iter().zip(labels).for_each(|(p, label)| mode.accuracy.add(p, *label as usize));
            return;
        }
        let mut wanted = self.targets.dense(self.cells, batch);
        let n = self.decoder.config().outputs();
        let of_counts = self.targets.are_counts();
        for ((&cell, predicted), wanted) in batch.iter().zip(predicted).zip(wanted.chunks_mut(n)) {
            mode.agreement.add(predicted, wanted);
            if let Some(hidden) =
                self.views.hidden(self.cells, cell, View::validation(None)).filter(|_| of_counts)
            {
                let genes = self.cells.vocabulary.len();
                let open = wanted.iter_mut().enumerate().filter(|(i, _)| !hidden[i % genes + 1]);
                open.for_each(|(_, value)| *value = f32::NAN);
                mode.hidden.add(predicted, wanted);
            }
        }
    }
}

/// Scores of one way of looking.
struct Mode {
    loss: f64,
    cells: usize,
    agreement: Agreement,
    /// Of the genes that were hidden from the input.
    hidden: Agreement,
    accuracy: Accuracy,
}

impl Task for Finetuning<'_> {
    fn loss(&self, store: &ParameterStore, cells: &[usize], epoch: u64) -> candle_core::Result<StepLoss> {
        let chains = self.cells(cells, epoch);
        let outputs = self.outputs(store, &chains, self.views.training(epoch))?;
        let target = self.targets.of(self.cells, &chains.wanted, store.device())?;
        let loss = self.decoder.loss(&outputs, &target)?;
        let terms = loss.terms.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(StepLoss { total: loss.total, terms })
    }

    /// The score `loss/total` is the mean over the ways of looking that some cell can be looked at, and [`SELECTION`] what
    /// states are compared by: that loss, or for velocities, whose direction counts, one minus the cosine.
    fn validate(&self, store: &ParameterStore) -> Result<Vec<(String, f64)>> {
        let mut scores = Vec::new();
        let (mut losses, mut distances) = (Vec::new(), Vec::new());
        for (name, only) in self.modes() {
            let mode = self.validate_mode(store, only)?;
            if mode.cells == 0 {
                continue;
            }
            let loss = mode.loss / mode.cells as f64;
            losses.push(loss);
            distances.push(mode.agreement.cosine().map(|cosine| 1.0 - cosine));
            scores.push((format!("loss/{name}"), loss));
            for (prefix, found) in [
                ("", mode.agreement.scores()),
                ("hidden_", mode.hidden.scores()),
                ("", mode.accuracy.scores()),
            ] {
                scores.extend(found.into_iter().map(|(score, v)| (format!("{prefix}{score}/{name}"), v)));
            }
        }
        if !losses.is_empty() {
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let loss = mean(&losses);
            let distances: Option<Vec<f64>> = distances.into_iter().collect();
            let directions = distances.filter(|_| self.decoder.config().task.is_of_directions());
            scores.insert(0, ("loss/total".into(), loss));
            scores.push((SELECTION.into(), directions.map_or(loss, |distances| mean(&distances))));
        }
        Ok(scores)
    }
}

fn number(value: &Tensor) -> Result<f64> {
    value.to_dtype(DType::F64).and_then(|v| v.to_scalar()).or_failed()
}
