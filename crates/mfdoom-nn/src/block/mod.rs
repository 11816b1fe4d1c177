//! Whole residual layers as one operation each: half the memory traffic and saved tensors of their parts.
//!
//! candle's backward allocates, zeroes and adds a gradient for every input of every operation. With one
//! operation per layer that happens once for the rows instead of six times, and normalised rows and
//! activations are computed again instead of kept.

mod attention;
mod bundle;
mod feed_forward;

pub use attention::AttentionBlock;
pub use feed_forward::FeedForwardBlock;
