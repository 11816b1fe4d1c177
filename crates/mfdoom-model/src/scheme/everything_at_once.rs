//! The layers run over each modality, each pair and all modalities, without fusion tokens (Everything At Once, arXiv
//! 2112.04446).
//!
//! A pass over several modalities is a block that copies their rows. Its vector is the mean of one unit vector for each
//! modality that a cell has (see `pool.rs`); the pass over all of them is what the system calls its joint pass.

use super::{Block, Fusing, Scheme, heads, modalities, subsets};
use crate::config::ModelConfig;

/// Returns the scheme: blocks for all modalities and, of three or more, for each pair. There is no `global`.
pub(super) fn scheme(config: &ModelConfig) -> Scheme {
    let names = &config.modalities;
    let pairs = if names.len() > 2 { subsets(names.len(), 2) } else { Vec::new() };
    let mut blocks = vec![Block::whole(names.len())];
    blocks.extend(pairs.into_iter().map(|reads| Block::of(names, reads)));
    let mut outputs = modalities(config);
    outputs.extend(heads(&blocks, 0));
    Scheme { blocks, outputs, fusing: Fusing::Copies, ..Scheme::empty(config) }
}
