//! Decoders: for this cell and this gene, what value?
//!
//! ```text
//! config.rs      what a decoder is made of          profile.rs       what the profile path sees
//! decoder.rs     the whole                          profile_path.rs  past the backbone, from all counts
//! network.rs     gene queries read the backbone     library.rs       library sizes for cells that lack them
//! likelihood/    what outputs mean, one file each   start/           where training starts: a closed form
//! task/          what is decoded, one file each     train/           training as a task of the trainer
//! target/        what each cell should be decoded to  landmarks.rs     training cells that a decoder keeps
//! chain.rs       cells read those before them
//! ```
//!
//! A task states its losses, how its targets are read and what is written of its predictions; a likelihood its
//! parameters, start, loss and prediction. Nothing else knows which of them there are.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod chain;
mod config;
mod decoder;
mod landmarks;
mod library;
mod likelihood;
mod names;
mod network;
mod profile;
mod profile_path;
mod start;
mod target;
mod task;
mod train;

pub use chain::{ChainConfig, causal_plan};
pub use config::{Architecture, DECODER_FORMAT, DecoderConfig, Library, PathUse, ProfileConfig};
pub use decoder::{Decoder, Outputs};
pub use library::libraries;
pub use likelihood::{
    CountDistribution, CountDistributions, DecoderLoss, Likelihood, Losses, ObservedCounts, Target, Values,
    library_size,
};
pub use names::{PREFIX, is_constant, is_fitted};
pub use network::{Context, Network, Said};
pub use profile::{ModalityProfile, ProfileBatch, TARGET_SUM, log_normalised};
pub use profile_path::{Assessment, ProfilePath};
pub use start::{Start, Starter, Units};
pub use target::{
    Chains, CountTargets, GeneValues, JoinReport, LabelTargets, NextCounts, Targets, Transitions,
    read_velocities,
};
pub use task::{
    Chosen, DecodedCells, DecoderTask, Draws, Needs, Prediction, Request, Rows, TASKS, Table, Task,
};
pub use train::{DecoderCells, DecoderViews, Finetuning, SELECTION};
