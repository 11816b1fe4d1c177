//! Reading: one module a format, each giving the same frames and row sources.

mod column;
mod frame;
mod h5ad;
mod locate;
mod records;
mod sparse_group;
mod texts;
mod whole;

pub(crate) use frame::FrameReader;
pub use h5ad::H5ad;
pub(crate) use records::fields as record_fields;
pub(crate) use sparse_group::{Layout, SparseGroup};

pub(crate) use self::column::{names, read_line};
use self::locate::feature_names;
pub(crate) use self::locate::names_of_obsm;
use self::texts::uns_texts;
