//! The masked multimodal transformer: cells as packed tokens in, one vector per output out.
//!
//! ```text
//! config.rs      what a model is made of             encoder.rs    token -> vector
//! batch.rs       packed cells                        backbone.rs   layers over all rows
//! scheme/        who reads what                      pool.rs       rows -> one vector per output
//! objective/     what is optimised                  average.rs    rows -> the same by gated means
//! projection.rs  rows -> a few common places         anchor.rs     the closed-form model next to it
//! ```
//!
//! Formulas are those of Zorro (arXiv 2301.09595) with the changes that `crates/README.md` lists; the golden
//! test holds them to a float64 reference.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod anchor;
mod attention;
mod average;
mod backbone;
mod batch;
mod choice;
mod config;
mod encoder;
mod error;
mod model;
mod objective;
mod pool;
mod profile;
mod projection;
mod scheme;

pub use anchor::{ANCHOR, AnchorConfig, Anchoring, anchor_parameters, modalities_read, push_head};
pub use attention::Attention;
pub use backbone::Backbone;
pub use batch::{PackedBatch, PackedModality, Profiles, Shown, highest};
pub use choice::Choice;
pub use config::{
    Among, Contrastive, FORMAT, LayerStyle, ModelConfig, Negatives, Preset, Reduction, Temperature,
    ValueTransform,
};
pub use encoder::Encoder;
pub use error::TensorResult;
pub use model::{Hidden, Model, initialise, project};
pub use objective::{
    AllCounts, BatchViews, Labels, Loss, Masked, Mixed, ModalityCounts, NamedTerm, Needs, Objective,
    Objectives, Outputs, Readout, Said, Targets, Term, Terms, loss, loss_of, pairs,
};
pub use pool::Pool;
pub use profile::{ProfileEncoder, is_profile_constant, profile, profile_constants, profile_width};
pub use scheme::{Block, Fusing, Fusion, Layout, Output, Reads, Scheme};
