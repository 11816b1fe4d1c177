//! `predict`: tokens, a model and a velocity decoder to velocities, in bounded memory.

pub mod state;

use std::path::Path;
use std::time::Instant;

use mfdoom_artifact::velocity::{VELOCITY_DIR_FORMAT, prediction_schema};
use mfdoom_artifact::{Column, GeneBatch, VelocityDirWriter};
use mfdoom_decoder::{Assessment, DecoderTask};
use mfdoom_error::{Error, Result};
use mfdoom_infer::{CellBlock, Inference, MadeBy, TrainedDecoder, open_device};

use self::state::States;
use crate::args::PredictArgs;

/// The stage's name in manifests.
pub const STAGE: &str = "mfdoom-velocity predict";

/// Cells among which neighbours are searched: what is in memory at once.
const RUN: usize = 4096;

/// Share of cells beyond the reach of the training cells above which the run warns; few in a thousand are by chance.
const FAR: f64 = 0.05;

/// Runs `mfdoom-velocity predict`.
///
/// # Errors
/// Those of opening tokens, model, decoder and outputs. Incompatible: a decoder of another task or model.
pub fn run(args: &PredictArgs) -> Result<()> {
    let device = open_device(args.infer.device.device);
    let decoder = TrainedDecoder::open(&args.decoder, &args.infer.model, &device)?;
    check_task(&decoder, &args.decoder)?;
    let inference = Inference::open(&args.infer, &decoder.backbone)?;
    let made = MadeBy { stage: STAGE, version: env!("CARGO_PKG_VERSION"), format: VELOCITY_DIR_FORMAT };
    let settings = mfdoom_cli::settings(args)?;
    let manifest = inference.manifest(made, settings, [decoder.as_input(&args.decoder)])?;
    if args.common.check {
        tracing::info!("would predict the velocities of {} genes", decoder.genes.len());
        return Ok(());
    }
    let folder = VelocityDirWriter::create(&args.output, args.force.force)?;
    let mut table = folder.velocities(prediction_schema(decoder.genes.clone(), manifest.clone()))?;
    let states = States::new(&decoder, args.n_neighbors);
    let begin = Instant::now();
    let mut far = Far::default();
    inference.run("predicting", Some(RUN), |run| {
        let predicted = predict(&decoder, &states, (args.subsets, &mut far), &run)?;
        let rows = table.block_rows();
        blocks(predicted, rows).try_for_each(|block| table.write(block))
    })?;
    far.warn();
    let n = table.finish()?;
    folder.commit(&manifest)?;
    let rate = n as f64 / begin.elapsed().as_secs_f64().max(1e-9);
    tracing::info!("{}: {n} cells, {} genes, {rate:.0} cells/s", args.output.display(), decoder.genes.len());
    match &args.into {
        Some(path) => mfdoom_into::velocity::add(&args.output, path),
        None => Ok(()),
    }
}

fn check_task(decoder: &TrainedDecoder, path: &Path) -> Result<()> {
    let task = decoder.decoder.config().task;
    match task == DecoderTask::VELOCITY {
        true => Ok(()),
        false => Err(Error::incompatible(format!("{}: not a velocity decoder", path.display()))
            .found(format!("task {task}"))
            .wanted("task velocity")
            .help("mfdoom-decode applies every other decoder")),
    }
}

/// Predicts the cells of a run and returns those that are wanted.
fn predict(
    decoder: &TrainedDecoder,
    states: &States,
    (subsets, far): (u64, &mut Far),
    run: &CellBlock<'_>,
) -> Result<GeneBatch> {
    let (mut velocity, mut embedding, mut uncertainty) = (Vec::new(), Vec::new(), Vec::new());
    for batch in run.batches() {
        let predicted = decoder.predict(run, batch.clone(), subsets)?;
        velocity.extend(predicted.values);
        embedding.extend(predicted.embedding);
        far.count(&predicted.assessments[..], |cell| run.wanted.contains(&(batch.start + cell)));
        uncertainty.extend(predicted.assessments.iter().map(|of| of.map_or(f64::NAN, |of| of.error)));
    }
    uncertainty.resize(run.len(), f64::NAN);
    let all = GeneBatch {
        dataset: run.dataset.clone(),
        cell_id: run.cell_id.clone(),
        obs: vec![Column::Float(uncertainty)],
        matrices: vec![velocity, states.of(run, &embedding)?],
    };
    Ok(if run.wanted.len() == run.len() { all } else { all.rows(run.wanted.clone()) })
}

/// Cuts a block into parts of at most `size` cells.
fn blocks(batch: GeneBatch, size: usize) -> impl Iterator<Item = GeneBatch> {
    let n = batch.len();
    (0..n).step_by(size).map(move |start| batch.rows(start..n.min(start + size)))
}

/// Cells that are unlike all that the decoder learned from.
#[derive(Default)]
struct Far {
    cells: usize,
    far: usize,
}

impl Far {
    fn count(&mut self, assessments: &[Option<Assessment>], wanted: impl Fn(usize) -> bool) {
        for of in assessments.iter().enumerate().filter(|(cell, _)| wanted(*cell)).filter_map(|(_, of)| *of) {
            self.cells += 1;
            self.far += usize::from(of.distance > 1.0);
        }
    }

    /// Warns where there are more of them than chance leaves among cells of the same kind.
    fn warn(&self) {
        let share = self.far as f64 / self.cells.max(1) as f64;
        if share > FAR {
            tracing::warn!(
                "{} of {} cells ({:.0} %) are unlike all cells that the decoder learned from: their velocities may point \
                 anywhere; train a decoder on such cells, or leave out what the uncertainty is high of",
                self.far,
                self.cells,
                100.0 * share
            );
        }
    }
}
