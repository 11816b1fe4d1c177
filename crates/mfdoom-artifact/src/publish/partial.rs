//! Partial paths: their names, and the process-wide list of those that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mfdoom_error::{Error, Result};

static PARTIALS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

fn partials() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    PARTIALS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every partial file and folder of this process, for the moment a signal ends it.
pub fn remove_partials() {
    for path in std::mem::take(&mut *partials()) {
        remove(&path);
    }
}

/// A path that is removed, and forgotten, when dropped.
#[derive(Debug)]
pub(super) struct Partial(PathBuf);

impl Partial {
    /// Names a partial path beside `target` and remembers it.
    pub(super) fn beside(target: &Path) -> Self {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        name.push(format!(".tmp-{}-{n}", std::process::id()));
        let path = target.with_file_name(name);
        partials().insert(path.clone());
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        remove(&self.0);
        partials().remove(&self.0);
    }
}

fn remove(path: &Path) {
    let Ok(found) = fs::symlink_metadata(path) else { return };
    let _ = if found.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// Returns where `path` really lies, after checking that it may be written there.
///
/// A symbolic link is followed, so that the link stays and its target is replaced.
///
/// # Errors
/// Usage: no file name, a missing parent folder, or something that exists and may not be replaced.
pub(super) fn check_target(path: &Path, force: bool, wanted: Wanted) -> Result<PathBuf> {
    let shown = path.display();
    if path.file_name().is_none() {
        return Err(Error::usage(format!("{shown}: not a name that can be written to")));
    }
    let linked = fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let target = match fs::canonicalize(path) {
        Ok(real) if linked => real,
        _ => path.components().collect(),
    };
    let parent = parent(&target);
    if !parent.is_dir() {
        return Err(Error::usage(format!("{shown}: the folder {} does not exist", parent.display()))
            .help(format!("mkdir -p {}", parent.display())));
    }
    let Ok(found) = fs::symlink_metadata(&target) else { return Ok(target) };
    match (wanted, found.is_dir()) {
        (Wanted::File, true) => Err(Error::usage(format!("{shown}: is a folder, a file was wanted"))),
        (Wanted::Dir, false) => Err(Error::usage(format!("{shown}: is a file, a folder was wanted"))),
        _ if !force => Err(Error::usage(format!("{shown}: already exists")).help("--force overwrites it")),
        _ => Ok(target),
    }
}

/// What a target is to become.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    File,
    Dir,
}

/// Returns the folder that holds `path`.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes names in a folder durable.
pub(super) fn sync_dir(path: &Path) -> Result<()> {
    let synced = fs::File::open(path).and_then(|folder| folder.sync_all());
    match synced {
        // Some network file systems cannot sync a folder; the rename still holds.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => Ok(()),
        other => other.map_err(|error| Error::io(path, error)),
    }
}
