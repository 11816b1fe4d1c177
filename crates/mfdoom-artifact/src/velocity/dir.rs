//! A velocity folder opened for reading.

use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};

use super::{
    CELLS_FILE, CellTable, DRIVERS_FILE, Driver, GRAPH_FILE, KINETICS_FILE, Kinetics, LATENT_FILE,
    LATENT_FORMAT, MANIFEST_FILE, MOMENTS_FILE, MOMENTS_FORMAT, NEIGHBORS_FILE, PairReader,
    VELOCITY_DIR_FORMAT, VELOCITY_FILE, open_velocities, projection_file,
};
use crate::embeddings::EmbeddingReader;
use crate::gene_table::GeneTableReader;
use crate::manifest::Manifest;
use crate::model_dir::read_text;
use crate::place::Input;

/// A velocity folder; its tables are opened when asked for.
#[derive(Clone, Debug)]
pub struct VelocityDir {
    path: PathBuf,
    manifest: Manifest,
}

impl VelocityDir {
    /// Opens the folder and reads its manifest.
    ///
    /// # Errors
    /// Contract: no such folder, no velocities in it. Incompatible: another format version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let shown = path.display();
        if !path.is_dir() {
            return Err(Error::contract(format!("{shown}: no such velocity folder"))
                .wanted("a folder written by mfdoom-velocity fit, predict or graph"));
        }
        let file = path.join(MANIFEST_FILE);
        let manifest = Manifest::from_json(&read_text(&file)?, &file.display().to_string())?;
        if manifest.format != VELOCITY_DIR_FORMAT {
            return Err(Error::incompatible(format!("{shown}: another format version"))
                .found(manifest.format.to_string())
                .wanted(VELOCITY_DIR_FORMAT.to_string())
                .help("make it again with this version of MFDOOM"));
        }
        if !path.join(VELOCITY_FILE).is_file() {
            return Err(Error::contract(format!("{shown}: not a velocity folder"))
                .found(format!("no {VELOCITY_FILE}"))
                .wanted("a folder written by mfdoom-velocity fit, predict or graph"));
        }
        Ok(Self { path, manifest })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns `manifest.json`.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Opens `velocity.parquet`.
    pub fn velocities(&self) -> Result<GeneTableReader> {
        open_velocities(&self.path)
    }

    /// Opens `moments.parquet`, where there is one.
    pub fn moments(&self) -> Result<Option<GeneTableReader>> {
        let open = |path| GeneTableReader::open(&Input::Path(path), MOMENTS_FORMAT);
        self.existing(MOMENTS_FILE).map(open).transpose()
    }

    /// Opens `latent.parquet`, where there is one.
    pub fn latent(&self) -> Result<Option<GeneTableReader>> {
        let open = |path| GeneTableReader::open(&Input::Path(path), LATENT_FORMAT);
        self.existing(LATENT_FILE).map(open).transpose()
    }

    /// Reads `kinetics.parquet`, where there is one.
    pub fn kinetics(&self) -> Result<Option<Kinetics>> {
        self.existing(KINETICS_FILE).map(|path| Kinetics::read(&path)).transpose()
    }

    /// Opens `neighbors.parquet`, where there is one.
    pub fn neighbors(&self) -> Result<Option<PairReader>> {
        self.existing(NEIGHBORS_FILE).map(|path| PairReader::open(&path)).transpose()
    }

    /// Opens `graph.parquet`, where there is one.
    pub fn graph(&self) -> Result<Option<PairReader>> {
        self.existing(GRAPH_FILE).map(|path| PairReader::open(&path)).transpose()
    }

    /// Reads `cells.parquet`, where there is one.
    pub fn cells(&self) -> Result<Option<CellTable>> {
        self.existing(CELLS_FILE).map(|path| CellTable::read(&path)).transpose()
    }

    /// Reads `drivers.parquet`, where there is one.
    pub fn drivers(&self) -> Result<Option<Vec<Driver>>> {
        self.existing(DRIVERS_FILE).map(|path| super::drivers::read(&path)).transpose()
    }

    /// Opens the projection on an embedding, where there is one.
    pub fn projection(&self, basis: &str) -> Result<Option<EmbeddingReader>> {
        let open = |path| EmbeddingReader::open(&Input::Path(path));
        self.existing(&projection_file(basis)).map(open).transpose()
    }

    /// Returns the embeddings that the velocities were projected on, in alphabetical order.
    pub fn bases(&self) -> Result<Vec<String>> {
        let fail = |error| Error::io(&self.path, error);
        let mut bases = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(fail)? {
            let name = entry.map_err(fail)?.file_name();
            let name = name.to_string_lossy();
            let basis = name.strip_prefix("projection_").and_then(|rest| rest.strip_suffix(".parquet"));
            bases.extend(basis.map(str::to_owned));
        }
        bases.sort_unstable();
        Ok(bases)
    }

    fn existing(&self, name: &str) -> Option<PathBuf> {
        Some(self.path.join(name)).filter(|path| path.is_file())
    }
}
