//! Shows a training run to the person who waits for it.

use mfdoom_artifact::{Observer, Position};

use crate::progress::Progress;
use crate::signals::{StopFlag, stop_flag};

/// A progress bar with the smoothed loss, a line per epoch, and the wish to stop.
pub struct Console {
    epochs: u64,
    shown: fn(&str) -> bool,
    progress: Option<Progress>,
    loss: Option<f64>,
    stop: StopFlag,
}

impl Console {
    /// Begins to listen for signals; they then wait for a checkpoint. Of the scores of an epoch `loss/total` is told,
    /// and those whose names are `shown`.
    pub fn new(epochs: u64, shown: fn(&str) -> bool) -> Self {
        Self { epochs, shown, progress: None, loss: None, stop: stop_flag() }
    }
}

impl Observer for Console {
    fn begin(&mut self, position: Position, cells: u64) {
        if position.step > 0 {
            let Position { step, epoch, batch } = position;
            tracing::info!("going on from the checkpoint of step {step} (epoch {epoch}, batch {batch})");
        }
        let done = cells * position.epoch / self.epochs.max(1);
        self.progress = Some(Progress::new("training", Some(cells - done), "cells"));
    }

    fn step(&mut self, cells: usize, loss: f64) {
        let smoothed = self.loss.map_or(loss, |before| 0.95 * before + 0.05 * loss);
        self.loss = Some(smoothed);
        if let Some(progress) = &self.progress {
            progress.note(format!("loss {smoothed:.4}"));
            progress.inc(cells as u64);
        }
    }

    fn epoch(&mut self, epoch: u64, scores: &[(String, f64)]) {
        let shown = scores.iter().filter(|(name, _)| name == "loss/total" || (self.shown)(name));
        let shown: Vec<String> = shown.map(|(name, value)| format!("{name} {value:.4}")).collect();
        let training = self.loss.map_or_else(String::new, |l| format!("training loss {l:.4}"));
        let held_back =
            if shown.is_empty() { String::new() } else { format!("; held back: {}", shown.join(", ")) };
        tracing::info!("epoch {epoch} of {}: {training}{held_back}", self.epochs);
    }

    fn stop(&self) -> Option<i32> {
        self.stop.requested()
    }
}
