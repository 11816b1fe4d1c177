//! Layers and the optimiser that candle lacks or cannot train, with forward and backward.
//!
//! candle's matrix products are fast, but what stands around them (normalisation, GEGLU, attention over
//! packed cells, embedding gradients, AdamW) is slow on a CPU or silently has no gradient. Every function
//! here is a fused operation for `f32` and `f64` tensors on the CPU and falls back to [`composed`], the same
//! mathematics from candle operations, on every other device.
//!
//! # Same bytes for the same input
//! Work is cut into pieces by size, never by the number of threads, and every sum has one fixed order, so
//! the result of a function does not depend on how many threads computed it.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

pub mod attention;
pub mod composed;
pub mod device;

mod adamw;
mod block;
mod buffer;
mod builder;
mod clip;
mod gamma;
mod gather;
mod geglu;
mod host;
mod init;
mod layer_norm;
mod linear;
mod log_softmax;
mod math;
mod matrix;
mod negative_binomial;
mod parameters;
mod scatter;
mod sparse;
mod stream;
mod value_encoder;
mod value_hidden;
mod weights;

pub use adamw::{AdamW, AdamWConfig};
pub use attention::{AttentionPlan, Group, Segment, attention};
pub use block::{AttentionBlock, FeedForwardBlock};
pub use builder::ParameterBuilder;
pub use clip::clip_grad_norm;
pub use gamma::{digamma, ln_gamma};
pub use gather::{gather, gather_add};
pub use geglu::geglu;
pub use init::Init;
pub use layer_norm::layer_norm;
pub use linear::linear;
pub use log_softmax::log_softmax;
pub use negative_binomial::{MaskedCounts, negative_binomial};
pub use parameters::ParameterStore;
pub use sparse::{SparseRows, sparse_product};
pub use stream::Stream;
pub use value_encoder::ValueEncoder;
pub use value_hidden::value_hidden;
