//! Where the bytes of a table go, and what a failure there means.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mfdoom_error::{Error, Result};

use crate::place::Output;
use crate::publish::OutputFile;

/// Buffered bytes to an output.
pub(super) type Sink = BufWriter<Watched>;
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What is known of an output besides its bytes: its name, and whether its reader went away.
pub(super) struct Fate {
    name: String,
    closed: Arc<AtomicBool>,
}

/// Opens an output.
pub(super) fn open(output: &Output) -> Result<(Sink, Fate)> {
    let closed = Arc::new(AtomicBool::new(false));
    let watched = Watched { inner: OutputFile::create(output)?, closed: closed.clone() };
    let fate = Fate { name: output.to_string(), closed };
    Ok((BufWriter::with_capacity(1 << 16, watched), fate))
}

impl Fate {
    /// Returns the error for a failed write: a pipe that was closed is none.
    pub(super) fn failure(&self, error: BoxError) -> Error {
        if self.closed.load(Ordering::Relaxed) {
            return Error::closed_pipe();
        }
        Error::failed(format!("{}: writing the table failed", self.name)).source(error)
    }

    /// Writes what is buffered and publishes the file.
    pub(super) fn commit(&self, sink: Sink) -> Result<()> {
        let watched = sink.into_inner().map_err(|error| self.failure(Box::new(error.into_error())))?;
        watched.inner.commit()
    }
}

/// Remembers that the reader of a pipe went away, which the libraries in between may turn into text.
pub(super) struct Watched {
    inner: OutputFile,
    closed: Arc<AtomicBool>,
}

impl Watched {
    fn watch<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            self.closed.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl Write for Watched {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(buffer);
        self.watch(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.watch(result)
    }
}
