//! The training loop of every task: batches, steps, validation, metrics, checkpoints.

use std::time::Instant;

use candle_core::{DType, Tensor};
use mfdoom_artifact::metrics::MetricRow;
use mfdoom_error::{Error, Result};
use mfdoom_model::TensorResult;
use mfdoom_nn::{AdamW, AdamWConfig, ParameterStore, clip_grad_norm};

use crate::checkpoint::{Checkpoint, Position};
use crate::sampler::Sampler;
use crate::schedule::Schedule;

/// What is learned: a loss of cells, and how it is judged.
pub trait Task {
    /// Returns the loss of some cells and its terms by name; may first bring parameters into their bounds.
    ///
    /// # Errors
    /// Where the device fails.
    fn loss(&self, store: &ParameterStore, cells: &[usize], epoch: u64) -> candle_core::Result<StepLoss>;

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
    /// Number of passes over the training cells.
    pub epochs: u64,
    /// Batches.
    pub sampler: Sampler,
    /// Learning rate.
    pub schedule: Schedule,
    /// Decay of the parameters that [`decays`] names.
    pub weight_decay: f64,
    /// Largest norm of all gradients together.
    pub clip: f64,
    /// Metrics of every so many steps are kept.
    pub log_every: u64,
    /// A checkpoint is written after every so many steps.
    pub checkpoint_every: u64,
}

/// Sees what happens in a run, and may stop it.
pub trait Observer {
    /// A run begins at a step, of `cells` cells in all.
    fn begin(&mut self, position: Position, cells: u64);
    /// A step was made over `cells` cells with this loss.
    fn step(&mut self, cells: usize, loss: f64);
    /// An epoch has ended with these validation scores.
    fn epoch(&mut self, epoch: u64, scores: &[(String, f64)]);
    /// Returns the signal that asks the run to stop after a checkpoint.
    fn stop(&self) -> Option<i32>;
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
        optimiser: AdamW::new(config, store, |name| Some(if decays(name) { plan.weight_decay } else { 0.0 }))
            .or_failed()?,
        position: Position::default(),
        metrics: Vec::new(),
        clock: Clock::new(),
    };
    if let Some(saved) = checkpoint.load(store, &mut run.optimiser)? {
        (run.position, run.metrics) = saved;
    }
    observer.begin(run.position, plan.epochs * plan.sampler.cells.len() as u64);
    while run.position.epoch < plan.epochs {
        run.epoch(checkpoint, observer)?;
    }
    Ok(run.metrics)
}

struct Run<'a> {
    task: &'a dyn Task,
    store: &'a ParameterStore,
    plan: &'a Plan,
    optimiser: AdamW,
    position: Position,
    metrics: Vec<MetricRow>,
    clock: Clock,
}

impl Run<'_> {
    fn epoch(&mut self, checkpoint: &Checkpoint, observer: &mut dyn Observer) -> Result<()> {
        let batches = self.plan.sampler.epoch(self.position.epoch);
        let first = self.position.batch as usize;
        for (i, batch) in batches.iter().enumerate().skip(first) {
            let done = (self.position.epoch as f64 + (i + 1) as f64 / batches.len() as f64).max(0.0);
            let loss = self.step(batch, done)?;
            self.position.batch += 1;
            observer.step(batch.len(), loss);
            let last = i + 1 == batches.len();
            let signal = observer.stop();
            if !last && (signal.is_some() || self.position.step.is_multiple_of(self.plan.checkpoint_every)) {
                checkpoint.save(self.store, &self.optimiser, self.position, &self.metrics)?;
            }
            if let Some(signal) = signal.filter(|_| !last) {
                return Err(Error::interrupted(signal));
            }
        }
        self.position = Position { epoch: self.position.epoch + 1, batch: 0, ..self.position };
        let scores = self.task.validate(self.store)?;
        for (name, value) in &scores {
            self.record("validation", name, *value, self.position.epoch as f64);
        }
        observer.epoch(self.position.epoch, &scores);
        checkpoint.save(self.store, &self.optimiser, self.position, &self.metrics)?;
        match observer.stop().filter(|_| self.position.epoch < self.plan.epochs) {
            Some(signal) => Err(Error::interrupted(signal)),
            None => Ok(()),
        }
    }

    /// Makes one step; `done` is the number of epochs after it.
    fn step(&mut self, batch: &[usize], done: f64) -> Result<f64> {
        let loss = self.task.loss(self.store, batch, self.position.epoch).or_failed()?;
        let total = scalar(&loss.total)?;
        self.position.step += 1;
        if !total.is_finite() {
            return Err(Error::failed(format!("the loss is {total} at step {}", self.position.step))
                .help("lower --lr, or look for broken counts in the input"));
        }
        let mut gradients = loss.total.backward().or_failed()?;
        let norm = clip_grad_norm(&mut gradients, self.store, self.plan.clip).or_failed()?;
        let rate = self.plan.schedule.rate(done / self.plan.epochs as f64);
        self.optimiser.step(self.store, &gradients, rate).or_failed()?;
        self.clock.cells += batch.len();
        if self.position.step == 1 || self.position.step.is_multiple_of(self.plan.log_every) {
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
        self.metrics.push(MetricRow { step: self.position.step, epoch, split, name, value });
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
