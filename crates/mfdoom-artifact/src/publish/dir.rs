//! A folder that appears whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};

use super::exchange::{exchange, recover, rename_new};
use super::partial::Partial;
use super::target::{Wanted, check_target, exists, parent, sync_dir};

/// A folder filled next to its target and renamed by [`commit`](Self::commit); dropped, it is removed.
#[derive(Debug)]
pub struct AtomicDir {
    partial: Partial,
    target: PathBuf,
    force: bool,
}

impl AtomicDir {
    /// Creates the partial folder of `path`.
    ///
    /// # Errors
    /// Usage: the target exists and `force` is not given, is a file or a folder that no stage made, or its parent does not
    /// exist.
    pub fn create(path: impl AsRef<Path>, force: bool) -> Result<Self> {
        recover(path.as_ref())?;
        let target = check_target(path.as_ref(), force, Wanted::Dir)?;
        let partial =
            Partial::beside(&target, Wanted::Dir).map_err(|error| Error::io(path.as_ref(), error))?;
        Ok(Self { partial, target, force })
    }

    /// Checks before any work that [`create`](Self::create) may write there.
    ///
    /// # Errors
    /// Those of [`create`](Self::create).
    pub fn check(path: impl AsRef<Path>, force: bool) -> Result<()> {
        check_target(path.as_ref(), force, Wanted::Dir).map(drop)
    }

    /// Returns the partial folder to write into.
    pub fn path(&self) -> &Path {
        self.partial.path()
    }

    /// Returns the path the folder will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Syncs the files and renames the folder to its target; an existing one changes places with it and is removed.
    ///
    /// # Errors
    /// Usage: the target has appeared meanwhile and may not be replaced. Failed where the disk does.
    pub fn commit(self) -> Result<()> {
        let fail = |error| Error::io(&self.target, error);
        sync_tree(self.path())?;
        check_target(&self.target, self.force, Wanted::Dir)?;
        match rename_new(self.path(), &self.target) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => match self.force {
                true => exchange(self.path(), &self.target).map_err(fail)?,
                false => return Err(exists(&self.target)),
            },
            other => other.map_err(fail)?,
        }
        sync_dir(parent(&self.target))
    }
}

fn sync_tree(folder: &Path) -> Result<()> {
    let fail = |error| Error::io(folder, error);
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            File::open(&path).and_then(|file| file.sync_all()).map_err(fail)?;
        }
    }
    sync_dir(folder)
}
