//! The state of a run on disk, from which it goes on bit for bit.

use std::fs;
use std::path::PathBuf;

use candle_core::Device;
use mfdoom_artifact::AtomicDir;
use mfdoom_artifact::metrics::{MetricRow, read_metrics, write_metrics};
use mfdoom_artifact::model_dir::read_json;
use mfdoom_error::{Error, Result};
use mfdoom_model::TensorResult;
use mfdoom_nn::{AdamW, ParameterStore};
use serde::{Deserialize, Serialize};

const STATE: &str = "state.json";
const WEIGHTS: &str = "model.safetensors";
const OPTIMISER: &str = "optimiser.safetensors";
const METRICS: &str = "metrics.parquet";

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Steps made.
    pub step: u64,
    /// Whole epochs made.
    pub epoch: u64,
    /// Batches made in the present epoch.
    pub batch: u64,
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
        if path.exists() && !resume {
            if !force {
                return Err(Error::usage(format!(
                    "{}: an interrupted run left a checkpoint",
                    path.display()
                ))
                .help("--resume to go on from it, --force to begin anew"));
            }
            fs::remove_dir_all(&path).map_err(|e| Error::io(&path, e))?;
        }
        let checkpoint = Self { path, identity, resume };
        if checkpoint.path.exists() {
            checkpoint.state()?;
        }
        Ok(checkpoint)
    }

    /// Loads a saved state into parameters and optimiser, and returns the position and the metrics so far.
    ///
    /// # Errors
    /// Contract: the checkpoint is damaged. Incompatible: it is of another run.
    pub fn load(
        &self,
        store: &ParameterStore,
        optimiser: &mut AdamW,
    ) -> Result<Option<(Position, Vec<MetricRow>)>> {
        if !self.resume || !self.path.exists() {
            return Ok(None);
        }
        let state = self.state()?;
        let read = |name: &str| {
            let path = self.path.join(name);
            fs::read(&path).map_err(|e| Error::io(&path, e))
        };
        let damaged = |e: candle_core::Error| {
            Error::contract(format!("{}: damaged checkpoint", self.path.display()))
                .source(e)
                .help("remove the folder and train anew")
        };
        store.load(&read(WEIGHTS)?).map_err(damaged)?;
        let moments =
            candle_core::safetensors::load_buffer(&read(OPTIMISER)?, &Device::Cpu).map_err(damaged)?;
        optimiser.restore(store, &moments.into_iter().collect()).map_err(damaged)?;
        Ok(Some((state.position, read_metrics(&self.path.join(METRICS))?)))
    }

    /// Saves a state, replacing the one before in one rename.
    ///
    /// # Errors
    /// Failed where the disk does.
    pub fn save(
        &self,
        store: &ParameterStore,
        optimiser: &AdamW,
        position: Position,
        metrics: &[MetricRow],
    ) -> Result<()> {
        let folder = AtomicDir::create(&self.path, true)?;
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).map_err(|e| Error::io(&path, e))
        };
        write(WEIGHTS, &store.save().or_failed()?)?;
        write(OPTIMISER, &optimiser_bytes(optimiser)?)?;
        write_metrics(&folder.path().join(METRICS), metrics)?;
        let state = State { identity: self.identity.clone(), position };
        let json = serde_json::to_vec(&state)
            .map_err(|e| Error::failed("the state of the run cannot be written").source(e))?;
        write(STATE, &json)?;
        folder.commit()
    }

    /// Removes the checkpoint of a run that has ended.
    ///
    /// # Errors
    /// Failed where the disk does.
    pub fn remove(&self) -> Result<()> {
        match self.path.exists() {
            true => fs::remove_dir_all(&self.path).map_err(|e| Error::io(&self.path, e)),
            false => Ok(()),
        }
    }

    fn state(&self) -> Result<State> {
        let path = self.path.join(STATE);
        let state: State = serde_json::from_value(read_json(&path)?).map_err(|e| {
            Error::contract(format!("{}: damaged checkpoint", path.display()))
                .source(e)
                .help("remove the folder and train anew")
        })?;
        if state.identity != self.identity {
            return Err(Error::incompatible(format!(
                "{}: the checkpoint is of a run with other inputs or settings",
                self.path.display()
            ))
            .help("give the same inputs and settings, or --force without --resume to begin anew"));
        }
        Ok(state)
    }
}

fn optimiser_bytes(optimiser: &AdamW) -> Result<Vec<u8>> {
    let state = optimiser.state().or_failed()?;
    safetensors::serialize(&state, None)
        .map_err(|e| Error::failed("the optimiser's state cannot be written").source(e))
}
