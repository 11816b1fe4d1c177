//! The HDF5 library as the rest of this crate sees it: no call here can panic on a user's file.
//!
//! | file | for |
//! |---|---|
//! | `file` | opening, with a reason when it fails |
//! | `node` | groups, datasets and their members |
//! | `attribute` | attributes as text or integers |
//! | `class` | what a datatype holds |
//! | `line` | one-dimensional arrays: a dataset, or one field of a record array |
//! | `raw` | the two reads that the safe wrapper lacks |
//! | `headers` | where object headers lie |
//!
//! The last two hold the only `unsafe` of the crate.

pub(crate) mod attribute;
mod class;
mod file;
mod headers;
mod line;
mod node;
mod raw;

pub(crate) use class::{Class, Number};
pub(crate) use file::open;
pub(crate) use headers::header_offsets;
pub(crate) use line::{Line, from_f64, from_i64, from_u64};
pub(crate) use node::{Node, listing, members};
pub(crate) use raw::read_bytes;
