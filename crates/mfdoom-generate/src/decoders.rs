//! The decoders of a run: one that moves states, and perhaps one of counts.

use std::path::{Path, PathBuf};

use mfdoom_artifact::InputId;
use mfdoom_decoder::DecoderTask;
use mfdoom_error::{Error, Result};
use mfdoom_infer::{TrainedDecoder, open_device};

use crate::args::Args;

/// What moves a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamics {
    /// A velocity displaces it.
    Velocity,
    /// It becomes the expected next state of the cells so far, at most so many.
    NextState(usize),
}

/// Opened decoders, all of one model.
pub struct Decoders {
    /// The decoder that moves states.
    pub moves: TrainedDecoder,
    /// How it does.
    pub dynamics: Dynamics,
    /// A decoder of counts, which adds modalities.
    pub counts: Option<TrainedDecoder>,
    inputs: Vec<InputId>,
}

impl Decoders {
    /// Opens the decoders.
    ///
    /// # Errors
    /// Those of [`TrainedDecoder::open`]. Incompatible: a decoder of another task. Usage: none that moves states, two for the
    /// same, or settings of velocities for a decoder of next states.
    pub fn open(args: &Args) -> Result<Self> {
        let device = open_device(args.infer.device.device);
        let (mut moves, mut counts, mut inputs) = (None, None, Vec::new());
        for path in &args.decoder {
            let decoder = TrainedDecoder::open(path, &args.infer.model, &device)?;
            inputs.push(decoder.as_input(path));
            let config = decoder.decoder.config();
            let slot = if [DecoderTask::VELOCITY, DecoderTask::NEXT_STATE].contains(&config.task) {
                &mut moves
            } else if config.loss.is_of_counts() {
                &mut counts
            } else {
                return Err(another_task(path, &decoder));
            };
            if slot.replace(decoder).is_some() {
                return Err(Error::usage(format!("--decoder {}: the second of its kind", path.display()))
                    .wanted("one decoder of velocity or next states, and at most one of counts"));
            }
        }
        let moves: TrainedDecoder = moves.ok_or_else(|| none_that_moves(&args.decoder))?;
        let dynamics = match &moves.decoder.config().chain {
            Some(chain) => Dynamics::NextState(chain.length),
            None => Dynamics::Velocity,
        };
        if dynamics != Dynamics::Velocity && (args.walk.backward || args.walk.step_size.is_some()) {
            return Err(Error::usage("--backward and --step-size are of velocities")
                .found("a decoder of next states, whose steps have one direction and one size")
                .help("leave them out, or give a decoder of velocity"));
        }
        Ok(Self { moves, dynamics, counts, inputs })
    }

    /// Returns the decoders as inputs of a manifest.
    pub fn inputs(&self) -> Vec<InputId> {
        self.inputs.clone()
    }

    /// Returns the modalities that the decoder of counts adds to `own`.
    pub fn added(&self, own: &str) -> Vec<String> {
        let targets = self.counts.iter().flat_map(|decoder| &decoder.decoder.config().targets);
        targets.filter(|target| *target != own).cloned().collect()
    }
}

const HELP: &str = "train one: mfdoom-finetune-decoder --task velocity --targets velocity/";

fn another_task(path: &Path, decoder: &TrainedDecoder) -> Error {
    let config = decoder.decoder.config();
    Error::incompatible(format!("{}: no decoder of velocity, next states or counts", path.display()))
        .found(format!("task {} with loss {}", config.task, config.loss))
        .wanted("task velocity or next-state, and perhaps task generative or expression with loss nb or zinb")
        .help(HELP)
}

fn none_that_moves(paths: &[PathBuf]) -> Error {
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    Error::incompatible("nothing moves the cells: no decoder of velocity or next states")
        .found(names.join(", "))
        .wanted("a decoder with task velocity or next-state")
        .help(HELP)
}
