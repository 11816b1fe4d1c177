//! Bytes to an [`Output`]: a published file, standard output, or a FIFO written as it is.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use mfdoom_error::{Error, Result};

use super::AtomicFile;
use super::target::{Wanted, check_target};
use crate::place::Output;

/// Writer to an [`Output`]; only regular files have a partial form.
#[derive(Debug)]
pub enum OutputFile {
    /// A regular file, published by [`commit`](OutputFile::commit).
    File(AtomicFile),
    /// Standard output, a FIFO or a device.
    Stream(File),
}

impl OutputFile {
    /// Opens `output`; opening a FIFO waits for its reader.
    pub fn create(output: &Output) -> Result<Self> {
        match output {
            Output::Stdout => Ok(Self::Stream(stdout()?)),
            Output::Path { path, .. } if output.is_stream() => {
                let file = OpenOptions::new().write(true).open(path);
                Ok(Self::Stream(file.map_err(|error| Error::io(path, error))?))
            }
            Output::Path { path, force } => Ok(Self::File(AtomicFile::create(path, *force)?)),
        }
    }

    /// Checks before any work that [`create`](Self::create) may write there, and returns where a file would lie.
    ///
    /// # Errors
    /// Usage: the target exists and may not be replaced, is a folder, or its folder does not exist.
    pub fn check(output: &Output) -> Result<Option<PathBuf>> {
        match output {
            Output::Path { path, force } if !output.is_stream() => {
                let target = check_target(path, *force, Wanted::File)?;
                let folder = target.parent().map(std::path::Path::to_owned).unwrap_or_default();
                let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
                let real = std::fs::canonicalize(&folder).unwrap_or(folder);
                Ok(Some(real.join(target.file_name().unwrap_or_default())))
            }
            _ => Ok(None),
        }
    }

    /// Publishes a file; a stream is only flushed.
    pub fn commit(self) -> Result<()> {
        match self {
            Self::File(file) => file.commit(),
            Self::Stream(mut file) => Ok(file.flush()?),
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(buffer),
            Self::Stream(file) => file.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stream(file) => file.flush(),
        }
    }
}

/// Returns standard output without the line buffering that text wants and binary data does not.
fn stdout() -> Result<File> {
    use std::os::fd::AsFd;
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}
