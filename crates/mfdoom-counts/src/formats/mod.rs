//! The formats, a file each: a new one is a file here and a line in [`FORMATS`].

mod alevin;
mod blocks;
mod composed;
mod eds;
mod h5ad;
mod h5mu;
mod kb;
mod loom;
mod mtx;
mod mudata;
mod sniff;
mod starsolo;
mod table;
mod tenx_h5;
mod tenx_mtx;
mod text;
mod zarr;

use std::path::Path;

use mfdoom_error::Result;

use crate::file::CountsFile;
use crate::split::Split;

pub use mtx::in_one_pass;
pub use sniff::{Content, Found};

/// How files of one format are recognised and opened.
pub trait Format: Sync {
    /// Name of the format, for messages.
    fn name(&self) -> &'static str;

    /// Whether a file, or a folder, is of this format; told by its content alone.
    fn recognises(&self, found: &Found) -> bool;

    /// Opens it.
    ///
    /// # Errors
    /// Contract: it is damaged, or lacks something that every file of the format has.
    fn open(&self, found: Found) -> Result<Box<dyn CountsFile>>;
}

/// Every format, the most particular first.
pub const FORMATS: &[&dyn Format] = &[
    &h5ad::Anndata,
    &h5mu::H5mu,
    &zarr::Zarr,
    &loom::Loom,
    &tenx_h5::TenxHdf5,
    &alevin::AlevinFry,
    &kb::Bustools,
    &starsolo::StarSolo,
    &tenx_mtx::TenxFolder,
    &table::TextTable,
];

/// Opens a file or folder of counts of any known format.
///
/// # Errors
/// Contract: nothing there, damaged, or of no known format.
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn CountsFile>> {
    open_among(path.as_ref(), FORMATS)
}

/// Opens a file or folder of counts of one of the given formats.
///
/// # Errors
/// As [`open`].
pub fn open_among(path: &Path, formats: &[&dyn Format]) -> Result<Box<dyn CountsFile>> {
    let found = Found::look(path)?;
    match formats.iter().find(|format| format.recognises(&found)) {
        Some(format) => Ok(Box::new(Split::new(format.open(found)?)?)),
        None => Err(found.unknown(formats)),
    }
}
