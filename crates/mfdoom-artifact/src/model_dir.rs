//! The folder of a model or decoder, in the layout of the Hugging Face hub.
//!
//! `config.json`, `model.safetensors`, `vocab.json` (`genes.json` for a decoder), `metrics.parquet`,
//! `manifest.json`, `README.md`. The manifest keeps the SHA-256 of the files that decide results, so that
//! a damaged folder is refused.

use std::fs;
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};
use serde_json::Value;

use crate::digest::sha256_file;
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
/// What made the folder.
pub const MANIFEST: &str = "manifest.json";
/// Model card.
pub const README: &str = "README.md";

/// A model folder that was checked on opening.
#[derive(Clone, Debug)]
pub struct ModelDir {
    path: PathBuf,
    config: Value,
    manifest: Manifest,
}

impl ModelDir {
    /// Opens the folder and checks that it is whole and of `format`.
    ///
    /// # Errors
    /// Contract: a missing folder or file, JSON or weights that are damaged. Incompatible: another format
    /// version.
    pub fn open(path: impl AsRef<Path>, format: u32) -> Result<Self> {
        let path = path.as_ref().to_owned();
        if !path.is_dir() {
            return Err(Error::contract(format!("{}: no such model folder", path.display()))
                .wanted("a folder written by mfdoom-pretrain or mfdoom-finetune-decoder"));
        }
        let manifest_path = path.join(MANIFEST);
        let manifest =
            Manifest::from_json(&read_text(&manifest_path)?, &manifest_path.display().to_string())?;
        if manifest.format != format {
            return Err(Error::incompatible(format!("{}: another format version", path.display()))
                .found(manifest.format.to_string())
                .wanted(format.to_string())
                .help("train the model again, or use the version of MFDOOM that made it"));
        }
        let config = read_json(&path.join(CONFIG))?;
        let model = Self { path, config, manifest };
        read_safetensors_header(&model.weights_path())?;
        for (name, wanted) in &model.manifest.files {
            let file = model.path.join(name);
            let found = sha256_file(&file)?;
            if found != *wanted {
                return Err(Error::contract(format!("{}: differs from its manifest", file.display()))
                    .found(format!("sha256 {found}"))
                    .wanted(format!("sha256 {wanted}"))
                    .help("the file was damaged or changed: copy the folder again"));
            }
        }
        Ok(model)
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns `config.json`.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// Returns `manifest.json`.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the path of `model.safetensors`.
    pub fn weights_path(&self) -> PathBuf {
        self.path.join(WEIGHTS)
    }

    /// Returns the path of `vocab.json`.
    pub fn vocabulary_path(&self) -> PathBuf {
        self.path.join(VOCABULARY)
    }

    /// Returns the path of `metrics.parquet`.
    pub fn metrics_path(&self) -> PathBuf {
        self.path.join(METRICS)
    }

    /// Returns the SHA-256 of `model.safetensors`, the identity a decoder keeps of its backbone.
    pub fn weights_sha256(&self) -> Result<String> {
        match self.manifest.files.get(WEIGHTS) {
            Some(known) => Ok(known.clone()),
            None => sha256_file(&self.weights_path()),
        }
    }
}

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

    /// Adds the checksums to `manifest`, writes `manifest.json` and publishes the folder.
    ///
    /// # Errors
    /// Failed, when config or weights were not written.
    pub fn commit(self, mut manifest: Manifest) -> Result<()> {
        for name in [CONFIG, WEIGHTS, VOCABULARY, "genes.json"] {
            let path = self.path().join(name);
            if path.exists() {
                manifest.files.insert(name.to_owned(), sha256_file(&path)?);
            } else if name == CONFIG || name == WEIGHTS {
                return Err(Error::failed(format!("{}: {name} was never written", self.path().display())));
            }
        }
        let value = serde_json::to_value(&manifest)
            .map_err(|error| Error::failed("the manifest cannot be written").source(error))?;
        self.write_text(MANIFEST, &format!("{value:#}\n"))?;
        self.folder.commit()
    }
}

/// Reads a small text file.
pub fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::contract(format!("{}: not text", path.display())),
        _ => Error::io(path, error),
    })
}

/// Reads a JSON file.
///
/// # Errors
/// Contract, when it is missing or not JSON.
pub fn read_json(path: &Path) -> Result<Value> {
    serde_json::from_str(&read_text(path)?)
        .map_err(|error| Error::contract(format!("{}: not valid JSON", path.display())).source(error))
}
