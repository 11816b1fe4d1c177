//! Trained models and decoders opened for use, and the one loop that runs them over a token table.
//!
//! ```text
//! args.rs    what the stages of inference ask for   model.rs     a model folder
//! cells.rs   blocks of cells under the model's ids  decoder.rs   a decoder folder on its model
//! anchor.rs  the closed form's part of a head
//! run.rs     the loop                               device.rs    the device of --device
//! rows.rs    the rows of --shard
//! ```
//!
//! A stage opens a [`TrainedModel`] or a [`TrainedDecoder`], prepares an [`Inference`] from its [`InferArgs`] and hands
//! [`Inference::run`] a closure that sees each [`CellBlock`] once, its genes already under the model's ids.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod anchor;
mod args;
mod cells;
mod decoder;
mod device;
mod model;
mod rows;
mod run;

pub use args::InferArgs;
pub use cells::{CellBlock, CellMaker};
pub use decoder::{GENES, Predictions, TrainedDecoder};
pub use device::open_device;
pub use model::TrainedModel;
pub use rows::shard_rows;
pub use run::{Inference, MadeBy};
