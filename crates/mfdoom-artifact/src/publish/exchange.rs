//! Renames that leave no moment in which the target is neither old nor new.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::partial::random;

/// Mark in the name of a folder that was moved aside, where the file system cannot exchange two folders.
const OLD: &str = ".old-";

/// Renames `from` to `to`, which must not exist.
///
/// # Errors
/// `AlreadyExists`: it does.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(error) if is_unsupported(error) => match fs::symlink_metadata(to) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        },
        Err(error) => Err(error.into()),
    }
}

/// Puts the folder `new` in the place of the folder `target`; what was there is then at `new`.
///
/// In one step where the file system can. Elsewhere the old folder is moved aside first, under a name that
/// [`recover`] knows, so that a kill in between loses nothing.
pub(super) fn exchange(new: &Path, target: &Path) -> io::Result<()> {
    match renameat_with(CWD, new, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(error) if is_unsupported(error) => exchange_in_steps(new, target),
        Err(error) => Err(error.into()),
    }
}

fn exchange_in_steps(new: &Path, target: &Path) -> io::Result<()> {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!("{OLD}{:016x}", random()));
    let old = target.with_file_name(name);
    fs::rename(target, &old)?;
    if let Err(error) = fs::rename(new, target) {
        fs::rename(&old, target)?;
        return Err(error);
    }
    fs::rename(&old, new)
}

/// Moves a folder back that a killed run had moved aside before it could publish the new one at `target`.
///
/// # Errors
/// Failed: the folder cannot be renamed.
pub fn recover(target: &Path) -> Result<()> {
    if fs::symlink_metadata(target).is_ok() {
        return Ok(());
    }
    let Some(old) = aside(target) else { return Ok(()) };
    match rename_new(&old, target) {
        Ok(()) => {
            tracing::warn!("{}: taken back, a run was killed while it replaced it", target.display());
            Ok(())
        }
        // Another run was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::io(target, error)),
    }
}

/// Returns the folder that was moved aside from `target`, if there is one.
fn aside(target: &Path) -> Option<PathBuf> {
    let prefix = format!("{}{OLD}", target.file_name()?.to_str()?);
    let random = |name: &str| name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let entries = fs::read_dir(super::target::parent(target)).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<String> =
        names.filter(|name| name.strip_prefix(&prefix).is_some_and(random)).collect();
    found.sort_unstable();
    found.pop().map(|name| target.with_file_name(name))
}

fn is_unsupported(error: rustix::io::Errno) -> bool {
    use rustix::io::Errno;
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP].contains(&error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two(folder: &Path) -> (PathBuf, PathBuf) {
        let (new, old) = (folder.join("new"), folder.join("model"));
        for (path, text) in [(&new, "new"), (&old, "old")] {
            fs::create_dir(path).unwrap();
            fs::write(path.join("a"), text).unwrap();
        }
        (new, old)
    }

    #[test]
    fn both_ways_exchange_two_folders() {
        for swap in [exchange, exchange_in_steps] {
            let folder = tempfile::tempdir().unwrap();
            let (new, target) = two(folder.path());
            swap(&new, &target).unwrap();
            let read = |path: &Path| fs::read_to_string(path.join("a")).unwrap();
            assert_eq!((read(&target), read(&new)), ("new".into(), "old".into()));
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        }
    }

    #[test]
    fn a_folder_left_aside_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let (_, target) = two(folder.path());
        fs::rename(&target, folder.path().join("model.old-0123456789abcdef")).unwrap();
        recover(&target).unwrap();
        assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "old");
        fs::create_dir(folder.path().join("model.old-0123456789abcdee")).unwrap();
        recover(&target).unwrap();
        assert_eq!(fs::read_to_string(target.join("a")).unwrap(), "old");
    }

    #[test]
    fn nothing_is_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let (new, target) = two(folder.path());
        assert_eq!(rename_new(&new, &target).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        rename_new(&new, &folder.path().join("free")).unwrap();
    }
}
