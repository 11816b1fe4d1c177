//! SHA-256 of bytes, files and streams, in lower-case hexadecimal.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};
use sha2::{Digest, Sha256};

use crate::place::base_name;

/// Returns the SHA-256 of `bytes`.
pub fn sha256_bytes(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns the SHA-256 of the file at `path`, read once in blocks.
pub fn sha256_file(path: &Path) -> Result<String> {
    let fail = |error| Error::io(path, error);
    let mut reader = HashingReader::new(File::open(path).map_err(fail)?);
    io::copy(&mut reader, &mut io::sink()).map_err(fail)?;
    Ok(reader.finish())
}

/// Returns the SHA-256 of a file; of several, that of their names and hashes, a line each.
pub fn sha256_parts(parts: &[PathBuf]) -> Result<String> {
    if let [one] = parts {
        return sha256_file(one);
    }
    let mut text = String::new();
    for part in parts {
        let _ = writeln!(text, "{}\t{}", base_name(part), sha256_file(part)?);
    }
    Ok(sha256_bytes(text.as_bytes()))
}

/// Reader that hashes whatever passes through it.
pub struct HashingReader<R> {
    inner: R,
    digest: Sha256,
}

impl<R> HashingReader<R> {
    /// Wraps `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, digest: Sha256::new() }
    }

    /// Returns the SHA-256 of everything read so far.
    pub fn finish(self) -> String {
        hex(&self.digest.finalize())
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.digest.update(&buffer[..n]);
        Ok(n)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
