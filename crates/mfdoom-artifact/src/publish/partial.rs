//! Partial outputs: their names, the process-wide list of them, and what killed processes left.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::lock::{Tried, try_lock};
use super::target::{Wanted, parent};
use crate::digest::sha256_bytes;

/// Between the name of the target and what makes the partial output's own.
const MARK: &str = ".tmp-";
/// Digits that stand for the machine, and those that are random.
const DIGITS: (usize, usize) = (4, 16);
/// How long a left-over of another machine, whose locks may not reach here, must have lain untouched.
const OLD: Duration = Duration::from_secs(24 * 60 * 60);

/// The partial outputs that exist.
static PARTIALS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
/// All that were ever made, and their targets.
static MADE: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &'static Mutex<T>) -> MutexGuard<'static, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns `text` with the target in the place of each partial output of this process: nobody knows the other.
pub fn name_targets(text: &str) -> String {
    // The latest first: a partial output may have had one of its own.
    let made = lock(&MADE);
    made.iter().rev().fold(text.to_owned(), |text, (partial, target)| text.replace(partial, target))
}

/// Removes every partial file and folder of this process, for the moment a signal ends it.
pub fn remove_partials() {
    for path in std::mem::take(&mut *lock(&PARTIALS)) {
        remove(&path);
    }
}

/// A partial output that this process has made: removed, and forgotten, when dropped.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    /// Open as long as the process works on it, and with it locked.
    pub(super) file: File,
}

impl Partial {
    /// Makes a file or folder next to `target`, after removing what killed processes left there.
    pub(super) fn beside(target: &Path, wanted: Wanted) -> io::Result<Self> {
        remove_leftovers(target);
        loop {
            let mut name = target.file_name().unwrap_or_default().to_owned();
            name.push(format!("{MARK}{}-{:016x}", *HOST, random()));
            let path = target.with_file_name(name);
            let made = match wanted {
                Wanted::File => OpenOptions::new().read(true).write(true).create_new(true).open(&path),
                Wanted::Dir => fs::create_dir(&path).and_then(|()| File::open(&path)),
            };
            let file = match made {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            };
            let partial = Self { path, file };
            lock(&PARTIALS).insert(partial.path.clone());
            lock(&MADE).push((partial.path.display().to_string(), target.display().to_string()));
            // Another process may have taken it for a left-over in the moment before it was locked.
            try_lock(&partial.file);
            if partial.is_there()? {
                return Ok(partial);
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the path still leads to what was made; a library that writes by path may have replaced a file.
    fn is_there(&self) -> io::Result<bool> {
        let own = self.file.metadata()?;
        Ok(fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == own.ino()))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Forgotten after it is gone, so that a signal in between still finds it.
        remove(&self.path);
        lock(&PARTIALS).remove(&self.path);
    }
}

fn remove(path: &Path) {
    let Ok(found) = fs::symlink_metadata(path) else { return };
    let _ = if found.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// Removes partial outputs of `target` whose process is gone. What cannot be told, or not removed, stays.
pub fn remove_leftovers(target: &Path) {
    let Some(prefix) = target.file_name().and_then(|name| name.to_str()).map(|name| format!("{name}{MARK}"))
    else {
        return;
    };
    for entry in fs::read_dir(parent(target)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(host) = name.to_str().and_then(|name| name.strip_prefix(&prefix)).and_then(host_of) else {
            continue;
        };
        if is_stale(&entry.path(), host) {
            tracing::info!("{}: removed, a run that was killed left it", entry.path().display());
            remove(&entry.path());
        }
    }
}

/// Returns the digits of the machine in what makes a partial output's name its own.
fn host_of(own: &str) -> Option<&str> {
    let (host, random) = own.split_once('-')?;
    let hex = |text: &str, n: usize| text.len() == n && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex(host, DIGITS.0) && hex(random, DIGITS.1)).then_some(host)
}

/// Returns whether no process works on a partial output: nobody has locked it, and where locks may not reach from
/// one machine to another, or not be there, it was left alone for a day.
fn is_stale(path: &Path, host: &str) -> bool {
    let Ok(found) = fs::symlink_metadata(path) else { return false };
    let open = match found.is_dir() {
        true => File::open(path),
        false if found.is_file() => OpenOptions::new().read(true).write(true).open(path),
        false => return false,
    };
    let Ok(file) = open else { return false };
    match try_lock(&file) {
        Tried::Taken => false,
        Tried::Locked if host == HOST.as_str() => true,
        _ => is_old(path, &found),
    }
}

fn is_old(path: &Path, found: &fs::Metadata) -> bool {
    let old = |found: &fs::Metadata| {
        found
            .modified()
            .ok()
            .and_then(|time| SystemTime::now().duration_since(time).ok())
            .is_some_and(|age| age > OLD)
    };
    let inside = fs::read_dir(path).into_iter().flatten().flatten();
    old(found) && inside.filter_map(|entry| entry.metadata().ok()).all(|found| old(&found))
}

/// Stands for the machine since it was started, the same in all its containers.
static HOST: LazyLock<String> = LazyLock::new(|| {
    let boot = fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    sha256_bytes(&boot)[..DIGITS.0].to_owned()
});

/// Returns a random number: process ids are the same in every container.
pub(super) fn random() -> u64 {
    // The standard library takes its keys from the system's source of randomness, then counts.
    RandomState::new().hash_one((std::process::id(), SystemTime::now()))
}
