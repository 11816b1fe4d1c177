//! A velocity folder opened for reading.

use std::path::Path;

use mfdoom_error::{Error, Result};

use super::{
    CELLS_FILE, CellTable, DRIVERS_FILE, Driver, GRAPH_FILE, KINETICS_FILE, Kinetics, LATENT_FILE,
    LATENT_FORMAT, MOMENTS_FILE, MOMENTS_FORMAT, NEIGHBORS_FILE, PairReader, VELOCITY_DIR_FORMAT,
    VELOCITY_FILE, VELOCITY_FORMAT, projection_file,
};
use crate::embeddings::EmbeddingReader;
use crate::folder::Folder;
use crate::gene_table::GeneTableReader;
use crate::manifest::Manifest;
use crate::place::Input;

/// A velocity folder; its tables are opened when asked for.
#[derive(Clone, Debug)]
pub struct VelocityDir {
    folder: Folder,
}

impl VelocityDir {
    /// Opens the folder and reads its manifest. A table is checked against its hash when it is opened.
    ///
    /// # Errors
    /// Contract: no such folder, no velocities in it. Incompatible: another format version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let folder = Folder::open(path, "velocity folder", WANTED)?;
        let format = folder.manifest().format;
        if format != VELOCITY_DIR_FORMAT {
            return Err(Error::incompatible(format!("{}: another format version", path.display()))
                .found(format.to_string())
                .wanted(VELOCITY_DIR_FORMAT.to_string())
                .help("make it again with this version of MFDOOM"));
        }
        if !path.join(VELOCITY_FILE).is_file() {
            return Err(Error::contract(format!("{}: not a velocity folder", path.display()))
                .found(format!("no {VELOCITY_FILE}"))
                .wanted(WANTED));
        }
        Ok(Self { folder })
    }

    /// Returns the folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns `manifest.json`.
    pub fn manifest(&self) -> &Manifest {
        self.folder.manifest()
    }

    /// Returns the files, with their hashes and what leads out of the folder checked as they are read.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Opens `velocity.parquet`.
    pub fn velocities(&self) -> Result<GeneTableReader> {
        let input = Input::Path(self.folder.file(VELOCITY_FILE)?);
        GeneTableReader::open(&input, VELOCITY_FORMAT)
    }

    /// Opens `moments.parquet`, where there is one.
    pub fn moments(&self) -> Result<Option<GeneTableReader>> {
        let open = |path| GeneTableReader::open(&Input::Path(path), MOMENTS_FORMAT);
        self.folder.find(MOMENTS_FILE)?.map(open).transpose()
    }

    /// Opens `latent.parquet`, where there is one.
    pub fn latent(&self) -> Result<Option<GeneTableReader>> {
        let open = |path| GeneTableReader::open(&Input::Path(path), LATENT_FORMAT);
        self.folder.find(LATENT_FILE)?.map(open).transpose()
    }

    /// Reads `kinetics.parquet`, where there is one.
    pub fn kinetics(&self) -> Result<Option<Kinetics>> {
        self.folder.find(KINETICS_FILE)?.map(|path| Kinetics::read(&path)).transpose()
    }

    /// Opens `neighbors.parquet`, where there is one.
    pub fn neighbors(&self) -> Result<Option<PairReader>> {
        self.folder.find(NEIGHBORS_FILE)?.map(|path| PairReader::open(&path)).transpose()
    }

    /// Opens `graph.parquet`, where there is one.
    pub fn graph(&self) -> Result<Option<PairReader>> {
        self.folder.find(GRAPH_FILE)?.map(|path| PairReader::open(&path)).transpose()
    }

    /// Reads `cells.parquet`, where there is one.
    pub fn cells(&self) -> Result<Option<CellTable>> {
        self.folder.find(CELLS_FILE)?.map(|path| CellTable::read(&path)).transpose()
    }

    /// Reads `drivers.parquet`, where there is one.
    pub fn drivers(&self) -> Result<Option<Vec<Driver>>> {
        self.folder.find(DRIVERS_FILE)?.map(|path| super::drivers::read(&path)).transpose()
    }

    /// Opens the projection on an embedding, where there is one.
    pub fn projection(&self, basis: &str) -> Result<Option<EmbeddingReader>> {
        let open = |path| EmbeddingReader::open(&Input::Path(path));
        self.folder.find(&projection_file(basis))?.map(open).transpose()
    }

    /// Returns the embeddings that the velocities were projected on, in alphabetical order.
    pub fn bases(&self) -> Result<Vec<String>> {
        let basis = |name: &String| -> Option<String> {
            Some(name.strip_prefix("projection_")?.strip_suffix(".parquet")?.to_owned())
        };
        Ok(self.folder.names()?.iter().filter_map(basis).collect())
    }
}

const WANTED: &str = "a folder written by mfdoom-velocity fit, predict or graph";
