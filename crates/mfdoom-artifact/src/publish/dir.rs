//! A folder that appears whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};

use super::partial::{Partial, Wanted, check_target, parent, sync_dir};

/// A folder filled beside its target and renamed by [`commit`](Self::commit); dropped, it is removed.
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
    /// Usage: the target exists and `force` is not given, is a file, or its parent does not exist.
    pub fn create(path: impl AsRef<Path>, force: bool) -> Result<Self> {
        let target = check_target(path.as_ref(), force, Wanted::Dir)?;
        let partial = Partial::beside(&target);
        fs::create_dir(partial.path()).map_err(|error| Error::io(path.as_ref(), error))?;
        Ok(Self { partial, target, force })
    }

    /// Returns the partial folder to write into.
    pub fn path(&self) -> &Path {
        self.partial.path()
    }

    /// Returns the path the folder will have.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Syncs the files and renames the folder to its target; an existing one is moved aside and removed.
    pub fn commit(self) -> Result<()> {
        let fail = |error| Error::io(&self.target, error);
        sync_tree(self.path())?;
        check_target(&self.target, self.force, Wanted::Dir)?;
        let old = Partial::beside(&self.target);
        let replaced = self.target.exists();
        if replaced {
            fs::rename(&self.target, old.path()).map_err(fail)?;
        }
        if let Err(error) = fs::rename(self.path(), &self.target) {
            if replaced {
                fs::rename(old.path(), &self.target).map_err(fail)?;
            }
            return Err(fail(error));
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
