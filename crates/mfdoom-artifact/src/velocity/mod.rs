//! The folder of a velocity fit, prediction or graph.
//!
//! | file | holds |
//! |---|---|
//! | `velocity.parquet` | key, `velocity` [G]; a prediction adds `state` [G] and `uncertainty` |
//! | `moments.parquet` | key, `Ms` [G], `Mu` [G] (a fit) |
//! | `latent.parquet` | key, `fit_t` [G]: latent time of the cell in the gene (a dynamical fit) |
//! | `kinetics.parquet` | `gene_id, symbol, gamma, r2, velocity_gene, unspliced_cells, fit_*` (a fit), one row a gene, or a gene and group |
//! | `neighbors.parquet` | `row, col, value`: distances to the nearest other cells (a fit) |
//! | `graph.parquet` | `row, col, value`: cosines of displacements with velocities (a graph) |
//! | `cells.parquet` | key, one column per result of a cell |
//! | `drivers.parquet` | `cluster, rank, gene_id, symbol, score` (a graph with clusters) |
//! | `projection_<basis>.parquet` | an embeddings table with the heads `embedding` and `velocity` |
//! | `manifest.json` | what made the folder |
//!
//! All tables with a row per cell have the same cells in the same order; `row` and `col` are positions in it.
//! Gene order is the schema key `mfdoom.genes`. NaN = no velocity for this gene.

mod cells;
mod dir;
mod drivers;
mod kinetics;
pub mod names;
mod pairs;
mod writer;

use std::path::Path;

pub use cells::CellTable;
pub use dir::VelocityDir;
pub use drivers::Driver;
pub use kinetics::Kinetics;
use mfdoom_error::Result;
pub use pairs::{PairReader, PairWriter, Pairs};
pub use writer::VelocityDirWriter;

use crate::embeddings::{EmbeddingSchema, Head};
use crate::gene::Gene;
use crate::gene_table::{GeneTableReader, GeneTableSchema};
use crate::manifest::Manifest;
use crate::obs::{ObsField, ObsType};
use crate::place::Input;

/// Format version of the folder.
pub const VELOCITY_DIR_FORMAT: u32 = 1;
/// Format tag of `velocity.parquet`.
pub const VELOCITY_FORMAT: &str = "velocity/1";
/// Format tag of `moments.parquet`.
pub const MOMENTS_FORMAT: &str = "moments/1";

/// Format tag of `latent.parquet`.
pub const LATENT_FORMAT: &str = "latent-times/1";

/// Velocities, one row per cell.
pub const VELOCITY_FILE: &str = "velocity.parquet";
/// First moments, one row per cell.
pub const MOMENTS_FILE: &str = "moments.parquet";
/// Latent times, one row per cell.
pub const LATENT_FILE: &str = "latent.parquet";
/// Rates, one row per gene.
pub const KINETICS_FILE: &str = "kinetics.parquet";
/// Distances to the nearest other cells.
pub const NEIGHBORS_FILE: &str = "neighbors.parquet";
/// Cosines of the velocity graph.
pub const GRAPH_FILE: &str = "graph.parquet";
/// Results per cell.
pub const CELLS_FILE: &str = "cells.parquet";
/// Driver genes of clusters.
pub const DRIVERS_FILE: &str = "drivers.parquet";

/// Column of velocities.
pub const VELOCITY: &str = "velocity";
/// Column of the state a prediction displaces from: size-normalised counts.
pub const STATE: &str = "state";
/// Column of the uncertainty of a prediction, one value per cell.
pub const UNCERTAINTY: &str = "uncertainty";
/// Column of mean spliced abundances.
pub const MS: &str = "Ms";
/// Column of mean unspliced abundances.
pub const MU: &str = "Mu";
/// Column of latent times.
pub const LATENT_TIME: &str = "fit_t";
/// Head of a projection that holds the coordinates.
pub const EMBEDDING_HEAD: &str = "embedding";

/// Returns the schema of `velocity.parquet` of a fit.
pub fn fit_schema(genes: Vec<Gene>, manifest: Manifest) -> GeneTableSchema {
    GeneTableSchema::new(VELOCITY_FORMAT, genes, &[VELOCITY], manifest)
}

/// Returns the schema of `velocity.parquet` of a prediction: `velocity`, `state` and `uncertainty`.
pub fn prediction_schema(genes: Vec<Gene>, manifest: Manifest) -> GeneTableSchema {
    GeneTableSchema::new(VELOCITY_FORMAT, genes, &[VELOCITY, STATE], manifest)
        .with_obs(vec![ObsField::new(UNCERTAINTY, ObsType::Float)])
}

/// Returns the schema of `moments.parquet`.
pub fn moments_schema(genes: Vec<Gene>, manifest: Manifest) -> GeneTableSchema {
    GeneTableSchema::new(MOMENTS_FORMAT, genes, &[MS, MU], manifest)
}

/// Returns the schema of `latent.parquet`.
pub fn latent_schema(genes: Vec<Gene>, manifest: Manifest) -> GeneTableSchema {
    GeneTableSchema::new(LATENT_FORMAT, genes, &[LATENT_TIME], manifest)
}

/// Returns the schema of a projection into `dim` dimensions.
///
/// # Errors
/// As [`EmbeddingSchema::new`].
pub fn projection_schema(dim: usize, manifest: Manifest) -> Result<EmbeddingSchema> {
    let head = |name: &str| Head { name: name.to_owned(), dim };
    EmbeddingSchema::new(Vec::new(), vec![head(EMBEDDING_HEAD), head(VELOCITY)], Vec::new(), manifest)
}

/// Returns the name of the file that holds the projection on an embedding, such as `umap`.
pub fn projection_file(basis: &str) -> String {
    format!("projection_{basis}.parquet")
}

/// Opens the velocities in a velocity folder, or in a table of ours or others.
///
/// # Errors
/// Contract: nothing there, no velocities, genes not listed. Incompatible: another format version.
pub fn open_velocities(path: &Path) -> Result<GeneTableReader> {
    let reader = match path.is_dir() {
        true => VelocityDir::open(path)?.velocities()?,
        false => GeneTableReader::open(&Input::Path(path.to_owned()), VELOCITY_FORMAT)?,
    };
    reader.schema().matrix(VELOCITY).map_err(|error| error.context(reader.name()))?;
    Ok(reader)
}
