//! Counts and frames in and out of AnnData files.
//!
//! | to | use |
//! |---|---|
//! | read whatever a user brings | [`H5ad`], its [`Matrix`] by [`Source`], in blocks of rows ([`CsrBlock`]) |
//! | make a new file, its matrices appended in blocks | [`H5adWriter`], [`NewFile`], [`NewMatrix`] |
//! | add to a file (`--into`) | [`H5adUpdate`], [`Value`] |
//! | tell counts from anything else | [`Counts`], [`CsrBlock::offending_counts`] |
//! | ids and symbols of a matrix's genes | [`genes_of`] |
//!
//! Reading goes through HDF5 itself, because libraries for AnnData refuse or panic on files that exist.
//! Writing leaves the encoding of small elements to the `anndata` crate and streams matrices itself.
//! Every error names the file, the path inside it, what was found, what was wanted and the way out.

mod block;
mod counts;
mod frame;
mod genes;
mod hdf;
pub mod keys;
mod library;
mod matrix;
mod place;
mod read;
mod source;
mod write;

pub use block::{CsrBlock, MAX_EXACT_COUNT};
pub use counts::{Counts, show_values};
pub use frame::{Column, Frame};
pub use genes::genes_of;
pub use library::library_sizes;
pub use matrix::{DEFAULT_MEMORY, Matrix};
pub use read::H5ad;
pub use source::Source;
pub use write::{H5adUpdate, H5adWriter, MatrixKind, NewFile, NewMatrix, Value};
