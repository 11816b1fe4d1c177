//! Counts and frames of cells, in and out of files.
//!
//! | to | use |
//! |---|---|
//! | read whatever a user brings | [`open`], a [`CountsFile`], its [`Matrix`] by [`Source`], in blocks of rows ([`Csr`](mfdoom_matrix::Csr)) |
//! | add a format | [`Format`]: a file in `formats/` and a line in [`FORMATS`] |
//! | read AnnData alone, e.g. to write into it | [`H5ad`] |
//! | make a new file, its matrices appended in blocks | [`H5adWriter`], [`NewFile`], [`NewMatrix`] |
//! | add to a file (`--into`) | [`H5adUpdate`], [`Value`] |
//! | tell counts from anything else | [`CountRule`], which also reads them; [`Rounded`] |
//! | ids and symbols of a matrix's genes | [`genes_of`] |
//!
//! Reading goes through HDF5 itself, because libraries for AnnData refuse or panic on files that exist.
//! Writing leaves the encoding of small elements to the `anndata` crate and streams matrices itself.
//! Every error names the file, the path inside it, what was found, what was wanted and the way out.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod barcode;
mod codec;
mod counts;
mod file;
mod formats;
mod frame;
mod genes;
mod hdf;
mod joined;
pub mod keys;
mod library;
mod matrix;
mod place;
mod read;
mod rounded;
mod source;
mod split;
mod write;

pub use counts::{CountRule, Look, show_values};
pub use file::{CountsFile, Listed, Unmatched};
pub use formats::{Content, FORMATS, Format, Found, in_one_pass, open, open_among};
pub use frame::{Column, Frame};
pub use genes::{genes_of, without_genome};
pub use joined::join;
pub use library::{are_library_sizes, find_library_sizes, library_sizes};
pub use matrix::{DEFAULT_MEMORY, Matrix, RowSource};
pub use read::H5ad;
pub use rounded::{MAX_COUNT, Rounded, TOLERANCE};
pub use source::Source;
pub use split::feature_types;
pub use write::{H5adUpdate, H5adWriter, MatrixKind, NewFile, NewMatrix, Value};
