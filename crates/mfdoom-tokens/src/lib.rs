//! Vocabulary, filters, counts to tokens, and the token table.
//!
//! A token is one non-zero (gene, count) of one modality of one cell. This crate knows genes and tokens;
//! it knows neither HDF5 nor tensors.
//!
//! | module | for |
//! |---|---|
//! | [`gene_id`] | gene ids without their Ensembl version |
//! | [`vocabulary`] | [`Vocabulary`]: gene ids and symbols; token id = position + 1 |
//! | [`counts`] | blocks of a count matrix to tokens |
//! | [`filter`] | which cells and genes stay |
//! | [`top_genes`] | the genes of highest dispersion, from streaming sums |
//! | [`tokens`] | [`ModalityTokens`], [`TokenBatch`]: tokens of a block of cells |
//! | [`schema`] | [`TokenSchema`]: columns and metadata of the token table |
//! | [`table`] | [`TokenWriter`], [`TokenReader`]: parquet file or Arrow IPC stream |
//! | [`map`] | [`VocabularyMap`]: token ids of a table in the vocabulary of a model |

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod counts;
pub mod filter;
pub mod map;
pub mod measured;
mod modality;
pub mod schema;
pub mod table;
pub mod tokens;
pub mod top_genes;
pub mod vocabulary;

pub use counts::{GeneMap, tokenise};
pub use filter::{CellFilter, CellTotals, FilterReport};
pub use map::{Coverage, MIN_COVERAGE, VocabularyMap};
pub use measured::Measured;
pub use mfdoom_artifact::normalise_gene_id;
pub use modality::check_modality_name;
pub use schema::TokenSchema;
pub use table::{AlignedBatches, TokenBatches, TokenReader, TokenWriter};
pub use tokens::{ModalityTokens, TokenBatch};
pub use top_genes::GeneMoments;
pub use vocabulary::{Gene, Vocabulary};
