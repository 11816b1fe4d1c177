//! The folder of a model or decoder, in the layout of the Hugging Face hub.
//!
//! `config.json`, `model.safetensors`, `vocab.json` (`genes.json` for a decoder), `metrics.parquet`,
//! `manifest.json`, `README.md`. The manifest keeps the SHA-256 of every file, and a damaged folder is refused.

use std::fs;
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Kind, Result};
use serde_json::Value;

use crate::digest::sha256_file;
use crate::folder::{Folder, publish};
pub use crate::folder::{MANIFEST, README, read_text};
use crate::manifest::Manifest;
use crate::metrics::{MetricRow, write_metrics};
use crate::publish::AtomicDir;
use crate::weights::read_safetensors_header;

/// Configuration of the network.
pub const CONFIG: &str = "config.json";
/// Weights.
pub const WEIGHTS: &str = "model.safetensors";
/// Vocabulary of a model.
pub const VOCABULARY: &str = "vocab.json";
/// Metrics of the training.
pub const METRICS: &str = "metrics.parquet";

/// A model folder that was checked on opening.
#[derive(Clone, Debug)]
pub struct ModelDir {
    folder: Folder,
    config: Value,
}

/// Returns the path of the vocabulary in a folder, checked against the folder's manifest where it has one.
///
/// # Errors
/// Incompatible: the folder is damaged, or holds no vocabulary.
pub fn vocabulary_of(folder: &Path) -> Result<PathBuf> {
    let path = folder.join(VOCABULARY);
    let found = match folder.join(MANIFEST).exists() {
        true => Folder::open(folder, "model folder", WANTED).and_then(|folder| folder.file(VOCABULARY)),
        false if path.is_file() => Ok(path),
        false => Err(Error::contract(format!("{}: no such file", path.display())).wanted(WANTED)),
    };
    found.map_err(|error| error.of_kind(Kind::Incompatible))
}

impl ModelDir {
    /// Opens the folder and checks that it is whole and of `format`.
    ///
    /// # Errors
    /// Contract: no such folder. Incompatible: another format version, or a folder that is damaged, changed, or no
    /// model.
    pub fn open(path: impl AsRef<Path>, format: u32) -> Result<Self> {
        let path = path.as_ref();
        if !path.exists() {
            let missing =
                || Error::contract(format!("{}: no such model folder", path.display())).wanted(WANTED);
            return Err(Error::dangling(path).unwrap_or_else(missing));
        }
        Self::read(path, format).map_err(|error| match error.kind() {
            Kind::Contract | Kind::Failed | Kind::Usage => error.of_kind(Kind::Incompatible),
            _ => error,
        })
    }

    fn read(path: &Path, format: u32) -> Result<Self> {
        let folder = Folder::open(path, "model folder", WANTED)?;
        let found = folder.manifest().format;
        if found != format {
            return Err(Error::incompatible(format!("{}: another format version", path.display()))
                .found(found.to_string())
                .wanted(format.to_string())
                .help("train the model again, or use the version of MFDOOM that made it"));
        }
        let config = read_json(&folder.file(CONFIG)?)?;
        read_safetensors_header(&folder.file(WEIGHTS)?)?;
        folder.check()?;
        Ok(Self { folder, config })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns `config.json`.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// Returns `manifest.json`.
    pub fn manifest(&self) -> &Manifest {
        self.folder.manifest()
    }

    /// Returns the path of `model.safetensors`.
    pub fn weights_path(&self) -> PathBuf {
        self.path().join(WEIGHTS)
    }

    /// Returns the path of `vocab.json`.
    pub fn vocabulary_path(&self) -> PathBuf {
        self.path().join(VOCABULARY)
    }

    /// Returns the path of `metrics.parquet`.
    pub fn metrics_path(&self) -> PathBuf {
        self.path().join(METRICS)
    }

    /// Returns the SHA-256 of `model.safetensors`, the identity a decoder keeps of its backbone.
    pub fn weights_sha256(&self) -> Result<String> {
        match self.manifest().files.get(WEIGHTS) {
            Some(known) => Ok(known.clone()),
            None => sha256_file(&self.weights_path()),
        }
    }
}

const WANTED: &str = "a folder written by mfdoom-pretrain or mfdoom-finetune-decoder";

/// A model folder being written; [`commit`](Self::commit) publishes it.
#[derive(Debug)]
pub struct ModelDirWriter {
    folder: AtomicDir,
}

impl ModelDirWriter {
    /// Creates the partial folder of `path`.
    pub fn create(path: impl AsRef<Path>, force: bool) -> Result<Self> {
        Ok(Self { folder: AtomicDir::create(path, force)? })
    }

    /// Returns the partial folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns where the weights are to be written.
    pub fn weights_path(&self) -> PathBuf {
        self.path().join(WEIGHTS)
    }

    /// Writes a file of text, such as `vocab.json` or `README.md`.
    pub fn write_text(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path().join(name);
        fs::write(&path, text).map_err(|error| Error::io(&path, error))
    }

    /// Writes `config.json`.
    pub fn write_config(&self, config: &Value) -> Result<()> {
        self.write_text(CONFIG, &format!("{config:#}\n"))
    }

    /// Writes `metrics.parquet`.
    pub fn write_metrics(&self, rows: &[MetricRow]) -> Result<()> {
        write_metrics(&self.path().join(METRICS), rows)
    }

    /// Adds the hashes to `manifest`, writes `manifest.json` and publishes the folder.
    ///
    /// # Errors
    /// Failed, when config or weights were not written.
    pub fn commit(self, manifest: Manifest) -> Result<()> {
        if let Some(name) = [CONFIG, WEIGHTS].into_iter().find(|name| !self.path().join(name).exists()) {
            return Err(Error::failed(format!("{}: {name} was never written", self.path().display())));
        }
        publish(self.folder, manifest)
    }
}

/// Reads a JSON file.
///
/// # Errors
/// Contract, when it is missing or not JSON.
pub fn read_json(path: &Path) -> Result<Value> {
    serde_json::from_str(&read_text(path)?)
        .map_err(|error| Error::contract(format!("{}: not valid JSON", path.display())).source(error))
}
