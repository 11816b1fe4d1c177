//! What may be written where.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};

/// Files that tell a folder of ours: a result, a checkpoint.
const MARKS: [&str; 2] = ["manifest.json", "state.json"];

/// What a target is to become.
#[derive(Clone, Copy)]
pub(super) enum Wanted {
    File,
    Dir,
}

/// Returns where `path` really lies, after checking that it may be written there.
///
/// A symbolic link is followed, so that the link stays and its target is made or replaced.
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
        // What the link leads to is yet to come.
        Err(_) if linked => {
            let to = fs::read_link(path).map_err(|error| Error::io(path, error))?;
            self::parent(path).join(to)
        }
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
        _ if !force => Err(exists(path)),
        (Wanted::Dir, true) => check_ours(&target, path).map(|()| target),
        _ => Ok(target),
    }
}

/// Checks that a folder may be replaced, and thus removed: it is empty, but for hidden files, or a stage made it.
///
/// # Errors
/// Usage: it holds something else.
fn check_ours(folder: &Path, shown: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(|error| Error::io(shown, error))?;
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort_unstable();
    if names.is_empty() || MARKS.iter().any(|mark| names.iter().any(|name| name == mark)) {
        return Ok(());
    }
    let some: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
    Err(Error::usage(format!("{}: a folder that no stage of MFDOOM made", shown.display()))
        .found(format!("{} files or folders such as {}", names.len(), some.join(", ")))
        .wanted(format!("an empty folder, or one with {}", MARKS[0]))
        .help("name another folder, or remove this one yourself: --force would remove all that it holds"))
}

/// Returns the error for a target that is there and may not be replaced.
pub(super) fn exists(path: &Path) -> Error {
    Error::usage(format!("{}: already exists", path.display())).help("--force overwrites it")
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
    match fs::File::open(path).and_then(|folder| folder.sync_all()) {
        // Some network file systems cannot sync a folder; the rename still holds.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        other => other.map_err(|error| Error::io(path, error)),
    }
}
