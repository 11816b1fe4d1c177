//! Each modality puts its tokens into a few common places, and a second transformer reads the sum of those that are
//! there (Zhang et al., Learning unseen modality interaction, arXiv 2306.12795).

use super::{Block, Fusing, Output, Reads, Scheme, heads};
use crate::config::ModelConfig;

/// Returns the scheme: a block of sums over all modalities, and one for each modality alone, which is that modality's
/// output. The number of places is that of the fusion tokens. There is no `global`.
pub(super) fn scheme(config: &ModelConfig) -> Scheme {
    let names = &config.modalities;
    let alone = |(own, name): (usize, &String)| Block {
        name: name.clone(),
        reads: (0..names.len()).map(|m| m == own).collect(),
    };
    let alone: Vec<Block> = names.iter().enumerate().map(alone).collect();
    let whole = Block::whole(names.len());
    let mut outputs: Vec<Output> = heads(&alone, 1).collect();
    outputs.push(Output { name: whole.name.clone(), reads: Reads::Block(0) });
    let blocks = [whole].into_iter().chain(alone).collect();
    Scheme { blocks, outputs, fusing: Fusing::Sums, ..Scheme::empty(config) }
}
