//! Opens inputs, and says what is wrong with those that are no tables.

use std::fs::File;
use std::io::{self, Read};

use arrow_schema::ArrowError;
use mfdoom_error::{Error, Result};

use crate::place::Input;

/// Opens a file, a FIFO (waiting for its writer) or standard input.
pub(super) fn open_file(input: &Input) -> Result<File> {
    use std::os::fd::AsFd;
    match input {
        Input::Stdin => Ok(io::stdin().as_fd().try_clone_to_owned()?.into()),
        Input::Path(path) => {
            let file = File::open(path).map_err(|error| Error::io(path, error))?;
            match file.metadata().is_ok_and(|found| found.is_dir()) {
                true => Err(Error::contract(format!("{}: is a folder, a table was wanted", path.display()))),
                false => Ok(file),
            }
        }
    }
}

/// Returns the first four bytes, or fewer at the end.
pub(super) fn read_magic(file: &mut File) -> io::Result<Vec<u8>> {
    let mut magic = Vec::with_capacity(4);
    file.take(4).read_to_end(&mut magic)?;
    Ok(magic)
}

/// Returns the error for an input that starts with `magic`.
pub(super) fn foreign(name: &str, magic: &[u8]) -> Error {
    let error = match magic {
        [] => {
            return Error::contract(format!("{name}: is empty"))
                .wanted("a parquet file or an Arrow IPC stream")
                .help("the stage before may have failed: see its messages");
        }
        b"ARRO" => Error::contract(format!("{name}: an Arrow IPC file, not a stream")),
        b"\x89HDF" => Error::contract(format!("{name}: an HDF5 file, not a table"))
            .help("make tokens of an h5ad file with mfdoom-preprocess"),
        _ => Error::contract(format!("{name}: not a table")),
    };
    error.wanted("a parquet file or an Arrow IPC stream")
}

/// Returns the error for a table that cannot be decoded.
pub(super) fn broken(name: &str, error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    let cause = match error.downcast_ref::<ArrowError>() {
        Some(ArrowError::IoError(_, cause)) => Some(cause.kind()),
        _ => None,
    };
    match cause {
        Some(io::ErrorKind::UnexpectedEof) => {
            return Error::contract(format!("{name}: the stream ends in the middle"))
                .help("the stage before failed or was stopped: see its messages");
        }
        Some(io::ErrorKind::InvalidData) => {
            return Error::contract(format!("{name}: something follows the end of the stream"))
                .wanted("one stream")
                .help(
                    "streams cannot be joined by cat: give one after the other, or files to mfdoom-gather",
                );
        }
        _ => {}
    }
    Error::contract(format!("{name}: damaged or truncated")).source(error)
}
