//! The state of a run on disk, from which it goes on bit for bit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use candle_core::Device;
use mfdoom_artifact::metrics::{MetricRow, read_metrics, write_metrics};
use mfdoom_artifact::model_dir::read_json;
use mfdoom_artifact::publish::{recover, remove_leftovers};
use mfdoom_artifact::{AtomicDir, ModelDir, Position, sha256_file};
use mfdoom_error::{Error, Result};
use mfdoom_model::TensorResult;
use mfdoom_nn::{AdamW, ParameterStore};
use serde::{Deserialize, Serialize};

const STATE: &str = "state.json";
const WEIGHTS: &str = "model.safetensors";
const OPTIMISER: &str = "optimiser.safetensors";
const METRICS: &str = "metrics.parquet";
const BEST: &str = "best.safetensors";
const MEMORY: &str = "memory.bin";
/// Lists the other files as `sha256sum` does.
const SUMS: &str = "SHA256SUMS";

/// The best state of a run so far.
#[derive(Clone, Debug)]
pub struct Best {
    /// Epochs made.
    pub epoch: u64,
    /// The score that it is judged by; less is better.
    pub score: f64,
    /// Its trained parameters, as safetensors bytes.
    pub weights: Vec<u8>,
}

/// What a checkpoint holds besides parameters and optimiser.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// How far the run has come.
    pub position: Position,
    /// The metrics so far.
    pub metrics: Vec<MetricRow>,
    /// The best state, where one is kept.
    pub best: Option<Best>,
    /// What the task remembers of earlier epochs.
    pub memory: Option<Vec<u8>>,
}

/// Where the checkpoints of a run are, and which run it is.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    path: PathBuf,
    identity: String,
    resume: bool,
}

#[derive(Serialize, Deserialize)]
struct State {
    /// Content id of the artefact that the run makes: inputs, configuration and seed.
    identity: String,
    #[serde(flatten)]
    position: Position,
    /// Epoch and score of the best state, the score by its bits, which text would round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    best: Option<(u64, u64)>,
    /// Whether the task remembers something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    memory: bool,
}

impl Checkpoint {
    /// Prepares the checkpoints of the run `identity` in the folder `path`.
    ///
    /// With `resume` a run goes on from a checkpoint that is there, and begins where there is none. Without it
    /// a checkpoint that is there is refused, or replaced with `force`.
    ///
    /// # Errors
    /// Usage: an interrupted run left a checkpoint. Incompatible: it is of other inputs or settings.
    pub fn new(path: PathBuf, identity: String, resume: bool, force: bool) -> Result<Self> {
        recover(&path)?;
        if path.exists() && !resume {
            if !force {
                return Err(Error::usage(format!(
                    "{}: an interrupted run left a checkpoint",
                    path.display()
                ))
                .help("--resume to go on from it, --force to begin anew"));
            }
            AtomicDir::check(&path, true)?;
            fs::remove_dir_all(&path).map_err(|e| Error::io(&path, e))?;
        }
        let checkpoint = Self { path, identity, resume };
        if checkpoint.is_there() {
            checkpoint.state()?;
        }
        Ok(checkpoint)
    }

    /// Loads a saved state into the trained parameters and the optimiser, and returns the rest of it.
    ///
    /// # Errors
    /// Contract: the checkpoint is damaged. Incompatible: it is of another run.
    pub fn load(&self, store: &ParameterStore, optimiser: &mut AdamW) -> Result<Option<Progress>> {
        if !self.resume || !self.is_there() {
            return Ok(None);
        }
        let state = self.state()?;
        let read = |name: &str| {
            let path = self.path.join(name);
            fs::read(&path).map_err(|e| Error::io(&path, e))
        };
        let damaged = |e: candle_core::Error| self.damaged().source(e);
        self.verify(&state)?;
        store.load_where(&read(WEIGHTS)?, |name| store.is_trained(name)).map_err(damaged)?;
        let moments =
            candle_core::safetensors::load_buffer(&read(OPTIMISER)?, &Device::Cpu).map_err(damaged)?;
        optimiser.restore(store, &moments.into_iter().collect()).map_err(damaged)?;
        let best =
            |(epoch, score)| read(BEST).map(|weights| Best { epoch, score: f64::from_bits(score), weights });
        let metrics = read_metrics(&self.path.join(METRICS))?;
        let memory = state.memory.then(|| read(MEMORY)).transpose()?;
        let best = state.best.map(best).transpose()?;
        Ok(Some(Progress { position: state.position, metrics, best, memory }))
    }

    /// Saves a state, replacing the one before in one rename. Frozen parameters are not saved.
    ///
    /// # Errors
    /// Failed where the disk does.
    pub fn save(&self, store: &ParameterStore, optimiser: &AdamW, progress: &Progress) -> Result<()> {
        let folder = AtomicDir::create(&self.path, true)?;
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).map_err(|e| Error::io(&path, e))
        };
        write(WEIGHTS, &trained(store)?)?;
        write(OPTIMISER, &optimiser_bytes(optimiser)?)?;
        write_metrics(&folder.path().join(METRICS), &progress.metrics)?;
        if let Some(best) = &progress.best {
            write(BEST, &best.weights)?;
        }
        if let Some(memory) = &progress.memory {
            write(MEMORY, memory)?;
        }
        let best = progress.best.as_ref().map(|best| (best.epoch, best.score.to_bits()));
        let memory = progress.memory.is_some();
        let state = State { identity: self.identity.clone(), position: progress.position, best, memory };
        let json = serde_json::to_vec(&state)
            .map_err(|e| Error::failed("the state of the run cannot be written").source(e))?;
        write(STATE, &json)?;
        let sums: Vec<String> = files(&state)
            .into_iter()
            .map(|name| Ok(format!("{}  {name}\n", sha256_file(&folder.path().join(name))?)))
            .collect::<Result<_>>()?;
        write(SUMS, sums.concat().as_bytes())?;
        folder.commit()
    }

    /// Compares every file with its checksum: one flipped bit of a weight would train on unnoticed.
    fn verify(&self, state: &State) -> Result<()> {
        let path = self.path.join(SUMS);
        let text = fs::read_to_string(&path).map_err(|e| self.damaged().found(format!("{SUMS}: {e}")))?;
        let known: BTreeMap<&str, &str> =
            text.lines().filter_map(|line| line.split_once("  ")).map(|(sum, name)| (name, sum)).collect();
        for name in files(state) {
            let found = sha256_file(&self.path.join(name)).map_err(|e| self.damaged().source(e))?;
            if known.get(name) != Some(&found.as_str()) {
                return Err(self.damaged().found(format!("{name} differs from its line in {SUMS}")));
            }
        }
        Ok(())
    }

    fn damaged(&self) -> Error {
        Error::contract(format!("{}: damaged checkpoint", self.path.display()))
            .help("remove the folder and train anew")
    }

    /// Whether the run has ended already: its result is whole at `output`, and it was killed before it could remove its
    /// checkpoint. That is then done.
    ///
    /// # Errors
    /// Failed where the disk does.
    pub fn had_ended(&self, output: &Path, format: u32) -> Result<bool> {
        if !self.resume || !self.path.exists() {
            return Ok(false);
        }
        let ended =
            ModelDir::open(output, format).is_ok_and(|made| made.manifest().content_id == self.identity);
        if ended {
            self.remove()?;
            tracing::info!("{}: the run had ended; its checkpoint is removed", output.display());
        }
        Ok(ended)
    }

    /// Removes the checkpoint of a run that has ended.
    ///
    /// # Errors
    /// Failed where the disk does.
    pub fn remove(&self) -> Result<()> {
        // A run that only had to publish its result saved nothing, and so cleaned nothing up.
        remove_leftovers(&self.path);
        if !self.path.exists() {
            return Ok(());
        }
        // The state last: what a kill leaves of the rest still says which run it is of.
        let removed =
            [WEIGHTS, OPTIMISER, METRICS, BEST, MEMORY, SUMS, STATE].into_iter().try_for_each(|name| {
                match fs::remove_file(self.path.join(name)) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    other => other,
                }
            });
        removed.and_then(|()| fs::remove_dir_all(&self.path)).map_err(|e| Error::io(&self.path, e))
    }

    /// Whether there is a checkpoint, and not the empty folder of one whose removal was cut short.
    fn is_there(&self) -> bool {
        fs::read_dir(&self.path).is_ok_and(|mut files| files.next().is_some())
    }

    fn state(&self) -> Result<State> {
        let path = self.path.join(STATE);
        let state: State = serde_json::from_value(read_json(&path)?).map_err(|e| self.damaged().source(e))?;
        if state.identity != self.identity {
            return Err(Error::incompatible(format!(
                "{}: the checkpoint is of a run with other inputs or settings",
                self.path.display()
            ))
            .help("give the same inputs and settings, or --force without --resume to begin anew"));
        }
        if state.best.is_some_and(|(epoch, _)| epoch > state.position.epoch) {
            return Err(self.damaged().found(format!("{STATE}: a best state of an epoch to come")));
        }
        Ok(state)
    }
}

/// Returns the files of a checkpoint that have a checksum.
fn files(state: &State) -> Vec<&'static str> {
    let always = [STATE, WEIGHTS, OPTIMISER, METRICS];
    always.into_iter().chain(state.best.map(|_| BEST)).chain(state.memory.then_some(MEMORY)).collect()
}

/// Returns the trained parameters as safetensors bytes.
pub(crate) fn trained(store: &ParameterStore) -> Result<Vec<u8>> {
    store.save_where(|name| store.is_trained(name)).or_failed()
}

fn optimiser_bytes(optimiser: &AdamW) -> Result<Vec<u8>> {
    let state = optimiser.state().or_failed()?;
    safetensors::serialize(&state, None)
        .map_err(|e| Error::failed("the optimiser's state cannot be written").source(e))
}
