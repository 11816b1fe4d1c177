//! No fusion: the outputs of the modalities alone, for comparison.

use super::{Scheme, modalities};
use crate::config::ModelConfig;

/// Returns the scheme: a vector for each modality and no block.
pub(super) fn scheme(config: &ModelConfig) -> Scheme {
    Scheme { blocks: Vec::new(), outputs: modalities(config), block_tokens: config.fusion_tokens }
}
