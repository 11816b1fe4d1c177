//! Locks: that a partial output belongs to a living process, and that one run at a time changes a file.
//!
//! Files get a lock of their open file description: it does not collide with the `flock` that HDF5 takes on the
//! same file, and ends with the process. Folders get `flock`, since a folder cannot be opened for writing. Where the
//! file system has no locks nothing is locked, and what that costs stands at each use.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};

/// What came of a try to lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// The lock is ours.
    Locked,
    /// Another process, or another handle of this one, has it.
    Taken,
    /// The file system cannot tell.
    Unknown,
}

/// Tries to lock a file or folder that is open.
pub(super) fn try_lock(file: &File) -> Tried {
    if file.metadata().is_ok_and(|found| found.is_dir()) {
        return match file.try_lock() {
            Ok(()) => Tried::Locked,
            Err(std::fs::TryLockError::WouldBlock) => Tried::Taken,
            Err(std::fs::TryLockError::Error(_)) => Tried::Unknown,
        };
    }
    match lock_file(file, false) {
        Ok(()) => Tried::Locked,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Tried::Taken,
        Err(_) => Tried::Unknown,
    }
}

#[cfg(target_os = "linux")]
fn lock_file(file: &File, wait: bool) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let command = if wait { libc::F_OFD_SETLKW } else { libc::F_OFD_SETLK };
    let whole = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    // SAFETY: the descriptor is open as long as `file` lives, and the call only reads `whole`.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, &raw const whole) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn lock_file(_: &File, _: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
}

impl State {
    fn of(path: &Path) -> io::Result<Self> {
        let found = std::fs::metadata(path)?;
        Ok(Self {
            inode: (found.dev(), found.ino()),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
        })
    }
}

/// A file that this run alone is changing, through a copy that replaces it.
///
/// Another run of MFDOOM waits for it. Other programs do not, nor does anybody where the file system has no locks or
/// the file may not be written: [`check`](Self::check) then refuses to replace what has changed meanwhile.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    state: State,
    _file: Option<File>,
}

impl FileLock {
    /// Waits until no other run changes the file at `path`.
    ///
    /// # Errors
    /// Contract: there is no such file.
    pub fn wait(path: &Path) -> Result<Self> {
        let fail = |error| Error::io(path, error);
        loop {
            let file = OpenOptions::new().read(true).write(true).open(path).ok();
            if let Some(file) = &file {
                if try_lock(file) == Tried::Taken {
                    tracing::info!("{}: another run changes it, waiting", path.display());
                    let _ = lock_file(file, true);
                }
                // The run before has replaced the file: lock the new one.
                let found = file.metadata().map_err(fail)?;
                if State::of(path).map_err(fail)?.inode != (found.dev(), found.ino()) {
                    continue;
                }
            }
            return Ok(Self { path: path.to_owned(), state: State::of(path).map_err(fail)?, _file: file });
        }
    }

    /// Checks that the file is as it was when it was locked.
    ///
    /// # Errors
    /// Failed: another program has changed, replaced or removed it.
    pub fn check(&self) -> Result<()> {
        match State::of(&self.path) {
            Ok(found) if found == self.state => Ok(()),
            _ => {
                Err(Error::failed(format!("{}: changed while results were added to it", self.path.display()))
                    .wanted("the file as it was when this run began to add to it")
                    .help("nothing was written to it: add the results again, with mfdoom-annotate or --into"))
            }
        }
    }
}
