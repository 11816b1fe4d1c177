//! `predict`: tokens, a model and a velocity decoder to velocities, in bounded memory.

pub mod state;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

use mfdoom_artifact::velocity::{VELOCITY_DIR_FORMAT, prediction_schema};
use mfdoom_artifact::{Column, GeneBatch, Input, Manifest, VelocityDirWriter};
use mfdoom_cli::{Progress, Shard};
use mfdoom_error::{Error, Result};
use mfdoom_model::decoder::DecoderTask;
use mfdoom_tokens::{TokenBatch, TokenReader, TokenSchema};
use mfdoom_train::{Adapter, Looks, TrainedDecoder};

use self::state::States;
use crate::args::PredictArgs;

/// The stage's name in manifests.
pub const STAGE: &str = "mfdoom-velocity predict";

/// Cells among which neighbours are searched: what is in memory at once.
const RUN: usize = 4096;

/// Probability that a gene is hidden in the looks whose spread is the uncertainty.
const HIDDEN: f64 = 0.5;

/// Runs `mfdoom-velocity predict`.
///
/// # Errors
/// Those of opening tokens, model, decoder and outputs. Incompatible: a decoder of another task or model.
pub fn run(args: &PredictArgs) -> Result<()> {
    let input = mfdoom_cli::input(args.tokens.as_deref())?;
    let decoder =
        TrainedDecoder::open(&args.decoder, &args.model, &mfdoom_infer::open_device(args.device.device))?;
    check_task(&decoder, &args.decoder)?;
    let reader = TokenReader::open(&input)?;
    let schema = reader.schema().clone();
    let looks = Looks {
        max_tokens: args.max_tokens.unwrap_or(decoder.model.config().max_tokens),
        subsets: args.subsets,
    };
    let adapter = decoder.adapter(&schema, &args.use_modalities, looks.max_tokens)?;
    if args.common.check {
        tracing::info!("would predict the velocities of {} genes", decoder.genes.len());
        return Ok(());
    }
    let manifest = manifest(args, &decoder, &schema, &input)?;
    let folder = VelocityDirWriter::create(&args.output, args.force.force)?;
    let mut table = folder.velocities(prediction_schema(decoder.genes.clone(), manifest.clone()))?;
    let states = States::new(&decoder, args.n_neighbors);
    let mut predictor = Predictor { decoder: &decoder, adapter, looks, states, args };
    let cells = reader.n_cells().map(|n| args.shard.unwrap_or(Shard::WHOLE).rows(n as u64));
    let progress = Progress::new("predicting", cells.as_ref().map(|c| c.end - c.start), "cells");
    let rows = mfdoom_infer::shard_rows(&reader, args.shard)?;
    let begin = Instant::now();
    for run in reader.aligned(RUN, rows)? {
        let (run, rows) = run?;
        let run = predictor.run(&run, rows, &progress)?;
        for block in blocks(run, table.block_rows()) {
            table.write(block)?;
        }
    }
    predictor.adapter.report();
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
    match decoder.decoder.config().task {
        DecoderTask::Velocity => Ok(()),
        other => Err(Error::incompatible(format!("{}: not a velocity decoder", path.display()))
            .found(format!("task {other}"))
            .wanted("task velocity")
            .help("mfdoom-decode applies every other decoder")),
    }
}

fn manifest(
    args: &PredictArgs,
    decoder: &TrainedDecoder,
    schema: &TokenSchema,
    input: &Input,
) -> Result<Manifest> {
    let mut settings = mfdoom_cli::settings(args)?;
    let (tokens, shard) = schema.manifest.sharded(args.shard.map(|shard| shard.to_string()))?;
    if let Some(shard) = shard {
        settings["shard"] = serde_json::json!(shard);
    }
    let base = PathBuf::from(input.base_name());
    let inputs = vec![
        tokens.as_input(&base),
        decoder.backbone.manifest.as_input(&args.model),
        decoder.manifest.as_input(&args.decoder),
    ];
    Ok(Manifest::new(STAGE, env!("CARGO_PKG_VERSION"), VELOCITY_DIR_FORMAT, settings, inputs))
}

/// A decoder, and the way from tokens to velocities.
struct Predictor<'a> {
    decoder: &'a TrainedDecoder,
    adapter: Adapter,
    looks: Looks,
    states: States<'a>,
    args: &'a PredictArgs,
}

impl Predictor<'_> {
    /// Predicts the cells of a run and returns the rows that are wanted.
    fn run(&mut self, run: &TokenBatch, rows: Range<usize>, progress: &Progress) -> Result<GeneBatch> {
        let (mut velocity, mut uncertainty, mut embedding) = (Vec::new(), Vec::new(), Vec::new());
        let n = run.len();
        for start in (0..n).step_by(self.args.batch_cells as usize) {
            let cells: Vec<usize> = (start..n.min(start + self.args.batch_cells as usize)).collect();
            let part = run.take(&cells);
            let predicted = self.decoder.predict(&mut self.adapter, &part, &self.looks)?;
            velocity.extend(predicted.values);
            embedding.extend(predicted.embedding);
            match self.args.no_uncertainty {
                true => uncertainty.extend(vec![f64::NAN; part.len()]),
                false => {
                    let spread = self.decoder.spread(&mut self.adapter, &part, &self.looks, HIDDEN)?;
                    uncertainty.extend(spread);
                }
            }
            progress.inc(cells.iter().filter(|cell| rows.contains(cell)).count() as u64);
        }
        let state = self.states.of(&self.adapter.map(run), run, &embedding)?;
        let all = GeneBatch {
            dataset: run.dataset.clone(),
            cell_id: run.cell_id.clone(),
            obs: vec![Column::Float(uncertainty)],
            matrices: vec![velocity, state],
        };
        Ok(if rows.len() == n { all } else { all.rows(rows) })
    }
}

/// Cuts a block into parts of at most `size` cells.
fn blocks(batch: GeneBatch, size: usize) -> impl Iterator<Item = GeneBatch> {
    let n = batch.len();
    (0..n).step_by(size).map(move |start| batch.rows(start..n.min(start + size)))
}
