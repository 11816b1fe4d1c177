//! The file that results are added to.

use std::path::{Path, PathBuf};

use mfdoom_artifact::EmbeddingReader;
use mfdoom_counts::{H5ad, H5adUpdate};
use mfdoom_error::{Error, Result};

use crate::cells::FileCells;
use crate::embeddings::EmbeddingsInto;
use crate::{predictions, velocity};

/// An AnnData file that results are added to; [`commit`](Self::commit) publishes all of them in one rename.
///
/// ```no_run
/// # fn main() -> mfdoom_error::Result<()> {
/// let mut target = mfdoom_into::Target::in_place("data.h5ad".as_ref())?;
/// target.add_velocity("velocity".as_ref())?;
/// target.commit()
/// # }
/// ```
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    pub(crate) update: H5adUpdate,
    pub(crate) cells: FileCells,
    done: Vec<String>,
}

impl Target {
    /// Opens a file to add to it. Waits for another run of MFDOOM that does the same.
    ///
    /// # Errors
    /// Contract: not an AnnData file, or two cells of one name.
    pub fn in_place(path: &Path) -> Result<Self> {
        let update = H5adUpdate::open(path)?;
        Self::new(path, update)
    }

    /// Opens a file to add to a copy of it at `to`.
    ///
    /// # Errors
    /// As [`in_place`](Self::in_place). Usage: the copy is there and may not be replaced.
    pub fn copy(path: &Path, to: &Path, force: bool) -> Result<Self> {
        let update = H5adUpdate::copy(path, to, force)?;
        Self::new(path, update)
    }

    fn new(path: &Path, update: H5adUpdate) -> Result<Self> {
        Ok(Self { path: path.to_owned(), update, cells: FileCells::read(path)?, done: Vec::new() })
    }

    /// Returns the file as it was before.
    pub(crate) fn file(&self) -> Result<H5ad> {
        H5ad::open(&self.path)
    }

    /// Notes what was added, for the line in the log.
    pub(crate) fn note(&mut self, n_cells: usize, what: &str) {
        self.done.push(format!("{n_cells} of {} cells have {what} now", self.cells.len()));
    }

    /// Adds a table of embeddings.
    ///
    /// # Errors
    /// Contract: the table cannot be read, or none of its cells is in the file.
    pub fn add_embeddings(&mut self, reader: EmbeddingReader) -> Result<()> {
        let mut into = EmbeddingsInto::of(&self.path, self.cells.clone(), reader.schema());
        for batch in reader {
            into.add(&batch?);
        }
        into.write(self)
    }

    /// Adds what a velocity folder holds.
    ///
    /// # Errors
    /// Contract: the folder is damaged, none of its cells or less than half of its genes are in the file.
    pub fn add_velocity(&mut self, folder: &Path) -> Result<()> {
        velocity::write(self, folder)
    }

    /// Adds a table of predictions.
    ///
    /// # Errors
    /// Contract: the table cannot be read, none of its cells or less than half of its genes are in the file.
    pub fn add_predictions(&mut self, table: &Path) -> Result<()> {
        predictions::write(self, table)
    }

    /// Checks that the file still has the cells that it had when `cells` were read.
    pub(crate) fn check_cells(&self, cells: &FileCells) -> Result<()> {
        match self.cells.same(cells) {
            true => Ok(()),
            false => Err(Error::failed(format!("{}: changed while results were made", self.path.display()))
                .found("other cells, or another order")
                .help("add the results with mfdoom-annotate, where they were also written to a table")),
        }
    }

    /// Publishes the file.
    ///
    /// # Errors
    /// Failed: the file was changed by another program meanwhile, or the disk is full.
    pub fn commit(self) -> Result<()> {
        let published = self.update.commit()?;
        self.done.iter().for_each(|line| tracing::info!("{}: {line}", published.display()));
        Ok(())
    }
}
