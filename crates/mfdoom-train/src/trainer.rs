//! The training loop of every task: batches, steps, validation, metrics, checkpoints.

use std::time::Instant;

use candle_core::{DType, Tensor};
use mfdoom_artifact::metrics::MetricRow;
use mfdoom_artifact::{Observer, Position};
use mfdoom_error::{Error, Result};
use mfdoom_model::TensorResult;
use mfdoom_nn::{AdamW, AdamWConfig, ParameterStore, clip_grad_norm};

use crate::checkpoint::{Best, Checkpoint, Progress, trained};
use crate::data::TrainingCells;
use crate::sampler::Sampler;
use crate::settings::Training;

/// What is learned: a loss of cells, and how it is judged.
pub trait Task {
    /// Returns the loss of some cells and its terms by name; may first bring parameters into their bounds.
    ///
    /// # Errors
    /// Where the device fails.
    fn loss(&self, store: &ParameterStore, cells: &[usize], epoch: u64) -> candle_core::Result<StepLoss>;

    /// Returns what it remembers of earlier epochs, if anything, for a checkpoint.
    fn memory(&self) -> Option<Vec<u8>> {
        None
    }

    /// Takes what it remembered at a checkpoint.
    ///
    /// # Errors
    /// Contract: it is of another run.
    fn recall(&self, _memory: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Returns the scores of the cells that were held back, by name.
    ///
    /// # Errors
    /// Where the device fails.
    fn validate(&self, store: &ParameterStore) -> Result<Vec<(String, f64)>>;
}

/// A loss and its terms.
#[derive(Clone, Debug)]
pub struct StepLoss {
    /// What is minimised, a scalar.
    pub total: Tensor,
    /// Scalars by name, those that could be computed.
    pub terms: Vec<(String, Tensor)>,
}

/// Everything about a run but the task.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Number of passes over the training cells, learning rate, decay and what else was asked for.
    pub training: Training,
    /// Batches.
    pub sampler: Sampler,
    /// Metrics of every so many steps are kept.
    pub log_every: u64,
    /// A checkpoint is written after every so many steps.
    pub checkpoint_every: u64,
    /// Whether the state with the best validation is kept, and not the last.
    pub selection: Option<Selection>,
}

impl Plan {
    /// Plans a run over the cells `rows`, which show up to `max_tokens` tokens of a modality.
    pub fn new(
        training: &Training,
        cells: &TrainingCells,
        rows: Vec<usize>,
        max_tokens: usize,
        seed: u64,
    ) -> Self {
        let training = training.clone();
        let batch_cells = training.batch_cells;
        let most = batch_cells.saturating_mul(max_tokens).saturating_mul(cells.modalities.len());
        let sampler = Sampler {
            tokens: rows.iter().map(|cell| cells.cell_tokens(*cell, max_tokens)).collect(),
            cells: rows,
            batch_cells,
            batch_tokens: training.batch_tokens.unwrap_or(most),
            seed,
        };
        Self { training, sampler, log_every: 10, checkpoint_every: u64::MAX, selection: None }
    }
}

/// How the best state of a run is found. The start, before any step, is one of the candidates.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// The validation score to judge by; less is better.
    pub score: String,
    /// The run ends when so many epochs in a row brought nothing better.
    pub patience: u64,
}

/// Whether a parameter decays: matrices of linear layers do; tables, queries, tokens, norms and biases do not.
pub fn decays(name: &str) -> bool {
    name.ends_with(".weight") && !name.contains("norm.") && !name.contains(".gene.")
}

/// Trains the parameters of `store` in place and returns the metrics.
///
/// # Errors
/// Interrupted, after a checkpoint, where the observer says so. Failed where the loss is not finite or the
/// device or disk fails.
pub fn train(
    task: &dyn Task,
    store: &ParameterStore,
    plan: &Plan,
    checkpoint: &Checkpoint,
    observer: &mut dyn Observer,
) -> Result<Vec<MetricRow>> {
    let config = AdamWConfig { beta1: 0.9, beta2: 0.98, eps: 1e-8 };
    let mut run = Run {
        task,
        store,
        plan,
        optimiser: AdamW::new(config, store, |name| {
            let decay = if decays(name) { plan.training.decay() } else { 0.0 };
            store.is_trained(name).then_some(decay)
        })
        .or_failed()?,
        progress: Progress::default(),
        clock: Clock::new(),
    };
    match checkpoint.load(store, &mut run.optimiser)? {
        Some(saved) => {
            saved.memory.as_deref().map_or(Ok(()), |memory| task.recall(memory))?;
            run.progress = checked(saved, plan)?;
        }
        None if plan.selection.is_some() => drop(run.judge(0)?),
        None => {}
    }
    observer
        .begin(run.progress.position, plan.training.epochs.saturating_mul(plan.sampler.cells.len() as u64));
    while run.progress.position.epoch < plan.training.epochs && !run.has_converged() {
        run.epoch(checkpoint, observer)?;
    }
    run.finish()
}

/// Checks that a saved state is one that this run can have reached.
fn checked(saved: Progress, plan: &Plan) -> Result<Progress> {
    let Position { step, epoch, batch } = saved.position;
    let batches = plan.sampler.epoch(epoch).len() as u64;
    let most = epoch.saturating_mul(plan.sampler.cells.len() as u64).saturating_add(batch);
    match epoch <= plan.training.epochs && batch < batches.max(1) && step <= most {
        true => Ok(saved),
        false => Err(Error::contract("the checkpoint is of no state that this run can have reached")
            .found(format!("step {step}, epoch {epoch}, batch {batch}"))
            .wanted(format!("at most {} epochs of {batches} batches", plan.training.epochs))
            .help("remove the folder of the checkpoint and train anew")),
    }
}

struct Run<'a> {
    task: &'a dyn Task,
    store: &'a ParameterStore,
    plan: &'a Plan,
    optimiser: AdamW,
    progress: Progress,
    clock: Clock,
}

impl Run<'_> {
    fn epoch(&mut self, checkpoint: &Checkpoint, observer: &mut dyn Observer) -> Result<()> {
        let batches = self.plan.sampler.epoch(self.progress.position.epoch);
        let first = self.progress.position.batch as usize;
        for (i, batch) in batches.iter().enumerate().skip(first) {
            let done = (self.progress.position.epoch as f64 + (i + 1) as f64 / batches.len() as f64).max(0.0);
            let loss = self.step(batch, done)?;
            self.progress.position.batch += 1;
            observer.step(batch.len(), loss);
            let last = i + 1 == batches.len();
            let step = self.progress.position.step;
            let signal = observer.stop();
            if !last && (signal.is_some() || step.is_multiple_of(self.plan.checkpoint_every)) {
                self.save(checkpoint)?;
            }
            if let Some(signal) = signal.filter(|_| !last) {
                return Err(Error::interrupted(signal));
            }
        }
        let position = self.progress.position;
        self.progress.position = Position { epoch: position.epoch + 1, batch: 0, ..position };
        let epoch = self.progress.position.epoch;
        let scores = self.judge(epoch)?;
        observer.epoch(epoch, &scores);
        self.save(checkpoint)?;
        let last = epoch >= self.plan.training.epochs || self.has_converged();
        match observer.stop().filter(|_| !last) {
            Some(signal) => Err(Error::interrupted(signal)),
            None => Ok(()),
        }
    }

    fn save(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        self.progress.memory = self.task.memory();
        checkpoint.save(self.store, &self.optimiser, &self.progress)
    }

    /// Validates, records the scores and keeps the state where it is the best so far.
    fn judge(&mut self, epoch: u64) -> Result<Vec<(String, f64)>> {
        let scores = self.task.validate(self.store)?;
        for (name, value) in &scores {
            self.record("validation", name, *value, epoch as f64);
        }
        let judged = self.plan.selection.as_ref().map(|selection| &selection.score);
        if let Some((_, score)) = scores.iter().find(|(name, _)| Some(name) == judged) {
            let best = self.progress.best.as_ref().map_or(f64::INFINITY, |best| best.score);
            if *score < best {
                self.progress.best = Some(Best { epoch, score: *score, weights: trained(self.store)? });
            }
        }
        Ok(scores)
    }

    /// Whether nothing better has come for as long as the plan is patient.
    fn has_converged(&self) -> bool {
        let since = |best: &Best| self.progress.position.epoch - best.epoch;
        match (&self.plan.selection, &self.progress.best) {
            (Some(selection), Some(best)) => since(best) >= selection.patience,
            _ => false,
        }
    }

    /// Goes back to the best state, where one was kept.
    fn finish(self) -> Result<Vec<MetricRow>> {
        if let Some(best) = &self.progress.best {
            self.store.load_where(&best.weights, |name| self.store.is_trained(name)).or_failed()?;
            tracing::info!("the best state is that after epoch {}", best.epoch);
        }
        Ok(self.progress.metrics)
    }

    /// Makes one step; `done` is the number of epochs after it.
    fn step(&mut self, batch: &[usize], done: f64) -> Result<f64> {
        let loss = self.task.loss(self.store, batch, self.progress.position.epoch).or_failed()?;
        let total = scalar(&loss.total)?;
        self.progress.position.step += 1;
        let step = self.progress.position.step;
        if !total.is_finite() {
            return Err(Error::failed(format!("the loss is {total} at step {step}"))
                .help("lower --lr, or look for broken counts in the input"));
        }
        let mut gradients = loss.total.backward().or_failed()?;
        let norm = clip_grad_norm(&mut gradients, self.store, self.plan.training.clip).or_failed()?;
        let rate = self.plan.training.schedule().rate(done / self.plan.training.epochs as f64);
        self.optimiser.step(self.store, &gradients, rate).or_failed()?;
        self.clock.cells += batch.len();
        if step == 1 || step.is_multiple_of(self.plan.log_every) {
            self.record("train", "loss/total", total, done);
            for (name, value) in &loss.terms {
                self.record("train", &format!("loss/{name}"), scalar(value)?, done);
            }
            self.record("train", "gradient_norm", norm, done);
            self.record("train", "learning_rate", rate, done);
            let speed = self.clock.cells_per_second();
            self.record("train", "cells_per_second", speed, done);
        }
        Ok(total)
    }

    fn record(&mut self, split: &str, name: &str, value: f64, epoch: f64) {
        let (split, name) = (split.to_owned(), name.to_owned());
        let step = self.progress.position.step;
        self.progress.metrics.push(MetricRow { step, epoch, split, name, value });
    }
}

/// Cells since the last look at the clock.
struct Clock {
    since: Instant,
    cells: usize,
}

impl Clock {
    fn new() -> Self {
        Self { since: Instant::now(), cells: 0 }
    }

    fn cells_per_second(&mut self) -> f64 {
        let speed = self.cells as f64 / self.since.elapsed().as_secs_f64().max(1e-9);
        *self = Self::new();
        speed
    }
}

fn scalar(value: &Tensor) -> Result<f64> {
    value.to_dtype(DType::F64).and_then(|v| v.to_scalar()).or_failed()
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_linear_matrices_decay() {
        let yes = ["layers.0.attn.to_q.weight", "encoders.spliced.value.linear2.weight", "pool.to_kv.weight"];
        let no = [
            "encoders.spliced.gene.weight",
            "encoders.spliced.value.linear2.bias",
            "encoders.spliced.value.norm.weight",
            "layers.0.ff.norm.weight",
            "norm.weight",
            "pool.queries",
            "fusion.tokens",
            "loss.logit_scale",
        ];
        assert!(yes.iter().all(|n| super::decays(n)));
        assert!(!no.iter().any(|n| super::decays(n)));
    }
}
