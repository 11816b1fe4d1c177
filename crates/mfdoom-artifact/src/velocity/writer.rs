//! A velocity folder being written.

use std::fs;
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};

use super::{
    CELLS_FILE, CellTable, DRIVERS_FILE, Driver, GRAPH_FILE, KINETICS_FILE, Kinetics, LATENT_FILE,
    MOMENTS_FILE, NEIGHBORS_FILE, PairWriter, VELOCITY_DIR_FORMAT, VELOCITY_FILE, VelocityDir,
    projection_file,
};
use crate::embeddings::{EmbeddingFormat, EmbeddingSchema, EmbeddingWriter};
use crate::folder::publish;
use crate::gene_table::{GeneTableSchema, GeneTableWriter};
use crate::manifest::Manifest;
use crate::place::Output;
use crate::publish::AtomicDir;
use crate::table::TableFormat;

/// A velocity folder being written; [`commit`](Self::commit) publishes it, dropped it is removed.
#[derive(Debug)]
pub struct VelocityDirWriter {
    folder: AtomicDir,
}

impl VelocityDirWriter {
    /// Creates the partial folder of `path`.
    ///
    /// # Errors
    /// Those of [`AtomicDir::create`].
    pub fn create(path: impl AsRef<Path>, force: bool) -> Result<Self> {
        Ok(Self { folder: AtomicDir::create(path, force)? })
    }

    /// Returns the partial folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Copies every file of another folder but the manifest and those that `without` names.
    ///
    /// # Errors
    /// Contract: a file differs from its hash, or is a link out of the folder. Failed where the disk does.
    pub fn copy(&self, from: &VelocityDir, without: impl Fn(&str) -> bool) -> Result<()> {
        for name in from.folder().names()?.iter().filter(|name| !without(name)) {
            let path = from.folder().file(name)?;
            fs::copy(&path, self.path().join(name)).map_err(|error| Error::io(&path, error))?;
        }
        Ok(())
    }

    /// Begins `velocity.parquet`; see [`fit_schema`](super::fit_schema), [`prediction_schema`](super::prediction_schema).
    pub fn velocities(&self, schema: GeneTableSchema) -> Result<GeneTableWriter> {
        GeneTableWriter::create(&self.output(VELOCITY_FILE), schema, TableFormat::Parquet)
    }

    /// Begins `moments.parquet`; see [`moments_schema`](super::moments_schema).
    pub fn moments(&self, schema: GeneTableSchema) -> Result<GeneTableWriter> {
        GeneTableWriter::create(&self.output(MOMENTS_FILE), schema, TableFormat::Parquet)
    }

    /// Begins `latent.parquet`; see [`latent_schema`](super::latent_schema).
    pub fn latent(&self, schema: GeneTableSchema) -> Result<GeneTableWriter> {
        GeneTableWriter::create(&self.output(LATENT_FILE), schema, TableFormat::Parquet)
    }

    /// Writes `kinetics.parquet`.
    pub fn kinetics(&self, kinetics: &Kinetics) -> Result<()> {
        kinetics.write(&self.output(KINETICS_FILE))
    }

    /// Begins `neighbors.parquet`.
    pub fn neighbors(&self) -> Result<PairWriter> {
        PairWriter::create(&self.output(NEIGHBORS_FILE))
    }

    /// Begins `graph.parquet`.
    pub fn graph(&self) -> Result<PairWriter> {
        PairWriter::create(&self.output(GRAPH_FILE))
    }

    /// Writes `cells.parquet`.
    pub fn cells(&self, cells: &CellTable) -> Result<()> {
        cells.write(&self.output(CELLS_FILE))
    }

    /// Writes `drivers.parquet`.
    pub fn drivers(&self, drivers: &[Driver]) -> Result<()> {
        super::drivers::write(&self.output(DRIVERS_FILE), drivers)
    }

    /// Begins the projection on an embedding; see [`projection_schema`](super::projection_schema).
    ///
    /// # Errors
    /// Usage, when the name of the embedding cannot be part of a file name.
    pub fn projection(&self, basis: &str, schema: EmbeddingSchema) -> Result<EmbeddingWriter> {
        if basis.is_empty() || basis.contains(['/', '\0']) {
            return Err(
                Error::usage(format!("{basis:?} cannot name a projection")).help("choose another name")
            );
        }
        EmbeddingWriter::create(&self.output(&projection_file(basis)), schema, EmbeddingFormat::Parquet)
    }

    /// Writes a file of text, such as `README.md`.
    pub fn write_text(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path().join(name);
        fs::write(&path, text).map_err(|error| Error::io(&path, error))
    }

    /// Writes `manifest.json` with the hashes of the files and publishes the folder.
    ///
    /// # Errors
    /// Failed, when there are no velocities or the manifest is of another format version.
    pub fn commit(self, manifest: &Manifest) -> Result<()> {
        if manifest.format != VELOCITY_DIR_FORMAT || !self.path().join(VELOCITY_FILE).is_file() {
            return Err(Error::failed(format!("{}: no velocity folder", self.path().display()))
                .wanted(format!("{VELOCITY_FILE} and format {VELOCITY_DIR_FORMAT}")));
        }
        publish(self.folder, manifest.clone())
    }

    /// Returns where a file of the folder goes.
    fn output(&self, name: &str) -> Output {
        Output::file(self.target(name), true)
    }

    fn target(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }
}
