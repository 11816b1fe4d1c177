//! Where data comes from and goes to: a path, or a standard stream written as `-`.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

/// Source of a stage: a path (regular file or FIFO) or standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file or a FIFO.
    Path(PathBuf),
}

/// Target of a stage: a path or standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file; a FIFO or device that exists is written to as it is.
    Path {
        /// Where the whole file appears at the end.
        path: PathBuf,
        /// Whether an existing file may be replaced.
        force: bool,
    },
}

impl Input {
    /// Reads `-` as standard input, everything else as a path.
    pub fn parse(argument: impl AsRef<OsStr>) -> Self {
        match argument.as_ref() {
            dash if dash == "-" => Self::Stdin,
            path => Self::Path(path.into()),
        }
    }

    /// Returns the name without folders, as manifests keep it; `-` for standard input.
    pub fn base_name(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::Path(path) => base_name(path),
        }
    }
}

impl Output {
    /// Reads `-` as standard output, everything else as a path.
    pub fn parse(argument: impl AsRef<OsStr>, force: bool) -> Self {
        match argument.as_ref() {
            dash if dash == "-" => Self::Stdout,
            path => Self::file(Path::new(path), force),
        }
    }

    /// Returns an output to `path`.
    pub fn file(path: impl Into<PathBuf>, force: bool) -> Self {
        Self::Path { path: path.into(), force }
    }

    /// Returns whether bytes go to a pipe or device as they are made: standard output or an existing
    /// FIFO, socket or device.
    pub fn is_stream(&self) -> bool {
        match self {
            Self::Stdout => true,
            Self::Path { path, .. } => {
                std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
            }
        }
    }

    /// Returns the extension of the path in lower case, or nothing.
    pub fn extension(&self) -> Option<String> {
        match self {
            Self::Stdout => None,
            Self::Path { path, .. } => Some(path.extension()?.to_str()?.to_ascii_lowercase()),
        }
    }
}

/// Returns the last component of a path as text.
pub fn base_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::Path { path, .. } => path.display().fmt(f),
        }
    }
}
