//! No fusion: the outputs of the modalities alone, for comparison.

use super::{Scheme, modalities};
use crate::config::ModelConfig;

/// Returns the scheme: a vector for each modality and no block.
pub(super) fn scheme(config: &ModelConfig) -> Scheme {
    Scheme { outputs: modalities(config), ..Scheme::empty(config) }
}
