//! A file that appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};

use super::exchange::rename_new;
use super::partial::Partial;
use super::target::{Wanted, check_target, exists, parent, sync_dir};

/// A file written next to its target and renamed by [`commit`](Self::commit); dropped, it is removed.
///
/// ```
/// # fn main() -> mfdoom_error::Result<()> {
/// use std::io::Write;
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("x.json");
/// let mut file = mfdoom_artifact::AtomicFile::create(&path, false)?;
/// file.write_all(b"{}")?;
/// assert!(!path.exists());
/// file.commit()?;
/// assert!(path.exists());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    partial: Partial,
    target: PathBuf,
    force: bool,
}

impl AtomicFile {
    /// Creates the partial file of `path`, with the permissions any new file gets.
    ///
    /// # Errors
    /// Usage: the target exists and `force` is not given, is a folder, or its folder does not exist.
    pub fn create(path: impl AsRef<Path>, force: bool) -> Result<Self> {
        let target = check_target(path.as_ref(), force, Wanted::File)?;
        let partial =
            Partial::beside(&target, Wanted::File).map_err(|error| Error::io(path.as_ref(), error))?;
        Ok(Self { partial, target, force })
    }

    /// Returns the path of the partial file, for libraries that write by path.
    pub fn path(&self) -> &Path {
        self.partial.path()
    }

    /// Syncs the file, renames it to its target and syncs the folder.
    pub fn commit(self) -> Result<()> {
        let fail = |error| Error::io(&self.target, error);
        // Reopened, because a library that writes by path may have replaced the file.
        File::open(self.path()).and_then(|file| file.sync_all()).map_err(fail)?;
        check_target(&self.target, self.force, Wanted::File)?;
        match self.force {
            true => fs::rename(self.path(), &self.target).map_err(fail)?,
            false => match rename_new(self.path(), &self.target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(exists(&self.target));
                }
                other => other.map_err(fail)?,
            },
        }
        sync_dir(parent(&self.target))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.partial.file.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.partial.file.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.partial.file.seek(position)
    }
}
