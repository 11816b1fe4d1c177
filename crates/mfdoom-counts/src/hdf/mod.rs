//! The HDF5 library as the rest of this crate sees it: no call here can panic on a user's file.
//!
//! | file | for |
//! |---|---|
//! | `file` | opening, with a reason when it fails |
//! | `node` | groups, datasets and their members |
//! | `attribute` | attributes as text or integers |
//! | `class` | what a datatype holds |
//! | `line` | one-dimensional arrays: a dataset, or one field of a record array |
//! | `plain`, `grid`, `chunk`, `native` | numbers as they are stored, unpacked on all threads |
//! | `raw` | the two reads that the safe wrapper lacks |
//! | `headers` | where object headers lie |
//! | `link` | what lies in another file, and is not followed |
//! | `filter` | compression that is not built in |
//! | `plugin` | zstd, LZ4, bitshuffle and Blosc, undone here |
//! | `size` | what a file declares against what it holds |
//! | `watch` | how long a call may take |
//!
//! `raw`, `headers`, `link`, `filter`, `chunk`, `plugin` and `watch` hold the only `unsafe` of the crate.

pub(crate) mod attribute;
mod chunk;
mod class;
mod file;
mod filter;
mod grid;
mod headers;
mod line;
mod link;
mod native;
mod node;
mod plain;
mod plugin;
mod raw;
mod size;
mod watch;

pub(crate) use class::{Class, Number};
pub(crate) use file::open_hdf5;
pub(crate) use filter::missing_filter;
pub(crate) use grid::Grid;
pub(crate) use headers::header_offsets;
pub(crate) use line::{Line, from_f64, from_i64, from_u64};
pub(crate) use native::{Convert, Native, to_floats, to_indices};
pub(crate) use node::{Node, listing, members, refused};
pub(crate) use raw::read_bytes;
pub(crate) use size::plausible_beyond;
