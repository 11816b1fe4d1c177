//! What every stage writes and reads: files that are whole or absent, tables, manifests, model folders.
//!
//! | module | for |
//! |---|---|
//! | [`publish`] | [`AtomicFile`], [`AtomicDir`]: written next to the target, renamed when whole |
//! | [`place`] | [`Input`], [`Output`]: a path or a standard stream |
//! | [`manifest`] | [`Manifest`] and content ids: what made an artefact |
//! | [`table`] | [`TableWriter`], [`TableReader`], [`TableCopier`]: parquet files and Arrow IPC streams, batch by batch |
//! | [`column`] | [`Column`]: annotation of cells or genes, in tables and in AnnData files |
//! | [`obs`] | names and types of the annotation columns of a table |
//! | [`key`] | the key (`dataset`, `cell_id`) of every per-cell table |
//! | [`embeddings`] | one vector per cell and head: parquet, Arrow IPC, safetensors |
//! | [`gene`] | genes as tables name them |
//! | [`gene_table`] | one value per cell and gene: velocities, moments, profiles |
//! | [`folder`] | [`Folder`]: a manifest and the files that it lists with their hashes |
//! | [`velocity`] | the folder of a velocity fit or prediction |
//! | [`trajectories`] | the folder of generated cells |
//! | [`model_dir`] | the folder of a model or decoder |
//! | [`markdown`] | names that a user chose, in a page for people |
//! | [`metrics`] | `metrics.parquet` |
//! | [`run`] | how far a training run has come, and who watches it |
//!
//! Tables use the `arrow-*` and `parquet` crates, not polars: they write and read one batch at a time with
//! exactly the types of the schema (`string`, `large_list`, `fixed_size_list`), to files and to pipes.

pub mod column;
mod digest;
pub mod embeddings;
pub mod folder;
pub mod gene;
mod gene_id;
pub mod gene_table;
pub mod key;
pub mod manifest;
pub mod markdown;
pub mod metrics;
pub mod model_dir;
pub mod obs;
pub mod place;
pub mod publish;
pub mod run;
mod shards;
pub mod table;
pub mod trajectories;
pub mod velocity;
mod weights;

pub use column::Column;
pub use digest::{HashingReader, sha256_bytes, sha256_file, sha256_parts};
pub use embeddings::{
    EmbeddingBatch, EmbeddingFormat, EmbeddingReader, EmbeddingSchema, EmbeddingWriter, Head,
};
pub use folder::Folder;
pub use gene::{GENES_KEY, Gene};
pub use gene_id::normalise_gene_id;
pub use gene_table::{GeneBatch, GeneTableReader, GeneTableSchema, GeneTableWriter};
pub use key::KeySet;
pub use manifest::{InputId, Manifest, canonical_json, content_id};
pub use metrics::{MetricRow, read_metrics, write_metrics};
pub use model_dir::{ModelDir, ModelDirWriter};
pub use obs::{ObsField, ObsType};
pub use place::{Input, Output};
pub use publish::{AtomicDir, AtomicFile, OutputFile, remove_partials};
pub use run::{Observer, Position};
pub use table::{TableCopier, TableFormat, TableOptions, TableReader, TableWriter};
pub use velocity::{VelocityDir, VelocityDirWriter};
pub use weights::read_safetensors_header;
