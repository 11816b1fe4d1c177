//! Tables, one record batch at a time: parquet files and Arrow IPC streams.
//!
//! Both forms hold the same record batches and the same key-value metadata. Parquet is for files (zstd,
//! row groups of a few thousand rows, a checksum in every page, the same bytes for the same batches), IPC for pipes: each batch is
//! flushed, so that the next stage starts before the input ends, and a stream that was cut off is told
//! from one that ended.

mod batches;
pub mod column;
mod copy;
mod guard;
mod ipc;
mod lists;
mod open;
mod pages;
mod parquet_file;
mod parquet_table;
mod reader;
mod row_groups;
mod seal;
mod sink;
pub mod vectors;
mod writer;

pub use batches::Batches;
pub use copy::TableCopier;
pub use reader::TableReader;
pub use writer::{TableOptions, TableWriter};

use crate::place::Output;

/// Key of the metadata that names kind and version of a table, such as `tokens/1`.
pub const FORMAT_KEY: &str = "mfdoom.format";
/// Key of the metadata that holds the manifest as JSON.
pub const MANIFEST_KEY: &str = "mfdoom.manifest";

/// Form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// A parquet file; can be written to a pipe, but not read from one.
    Parquet,
    /// An Arrow IPC stream.
    Ipc,
}

impl TableFormat {
    /// Returns the form a name asks for: `.arrow`, `.arrows` and `.ipc` are streams, anything else parquet.
    pub fn of_name(output: &Output) -> Self {
        match output.extension().as_deref() {
            Some("arrow" | "arrows" | "ipc") => Self::Ipc,
            _ => Self::Parquet,
        }
    }

    /// Returns the form of a table that the next stage may read from a pipe: IPC there, else by name.
    pub fn for_pipes(output: &Output) -> Self {
        if output.is_stream() { Self::Ipc } else { Self::of_name(output) }
    }
}

/// Turns an error of our own making, such as columns of unequal length, into one that says so.
pub fn internal(error: arrow_schema::ArrowError) -> mfdoom_error::Error {
    mfdoom_error::Error::failed("a table was put together wrongly").source(error)
}
