//! Writing: new files, and additions to a copy of an existing one.
//!
//! | file | for |
//! |---|---|
//! | `writer` | [`H5adWriter`]: a new file, its matrices appended block by block |
//! | `update` | [`H5adUpdate`]: additions to a copy that replaces its file in one rename |
//! | `sink` | matrices of either, appended in bounded memory |
//! | `frame`, `column`, `value` | frames, columns, entries of `uns` |
//! | `records` | frames of anndata up to 0.6, turned into groups so that a column can be added |
//! | `attribute` | attributes |
//! | `times` | equal bytes whatever the second |
//!
//! Small elements are encoded by the `anndata` crate. Matrices go through HDF5, because `anndata` holds a
//! matrix whole or ignores the compression asked for. Everything is gzip, which every HDF5 can decode.

mod attribute;
mod column;
mod frame;
mod records;
mod sink;
mod times;
mod update;
mod value;
mod writer;

use anndata::backend::{Compression, WriteConfig, set_default_write_config};
use mfdoom_error::{Error, Result};
pub use sink::{MatrixKind, NewMatrix};
pub use update::H5adUpdate;
pub use value::Value;
pub use writer::{H5adWriter, NewFile};

/// Level of gzip: with the bytes shuffled, higher ones cost much time and save little.
const GZIP: u8 = 1;

/// Makes the `anndata` crate write gzip on this thread; its own default needs a plugin in Python.
fn use_gzip() {
    let compression = Some(Compression::Gzip(GZIP));
    set_default_write_config(WriteConfig { compression, block_size: None });
}

/// Checks that a key makes one link in a group.
fn check_key(key: &str) -> Result<()> {
    if key.is_empty() || key == "." || key.contains(['/', '\0']) {
        return Err(Error::usage(format!("'{}' cannot name an element", key.escape_debug()))
            .wanted("a name without '/'"));
    }
    Ok(())
}

/// Checks that a path is a key in the root or in a group of it.
fn check_path(path: &str) -> Result<()> {
    path.splitn(2, '/').try_for_each(check_key)
}

/// Checks that a text can be stored: HDF5 ends it at the first zero byte.
fn check_texts<'a>(mut texts: impl Iterator<Item = &'a str>) -> Result<()> {
    match texts.find(|text| text.contains('\0')) {
        Some(text) => {
            Err(Error::contract("a text holds a zero byte, which HDF5 cannot store")
                .found(format!("{text:?}")))
        }
        None => Ok(()),
    }
}
