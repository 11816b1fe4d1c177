//! One block reads all modalities, and for each modality one reads all the others: MFDOOM's own scheme, for data
//! sets that lack a modality.

use super::{Block, Scheme};
use crate::config::ModelConfig;

/// Returns the scheme; block m + 1 is `fusion_without_<modality m>`.
pub(super) fn scheme(config: &ModelConfig) -> Scheme {
    let names = &config.modalities;
    let without = |left_out: usize| Block {
        name: format!("fusion_without_{}", names[left_out]),
        reads: (0..names.len()).map(|m| m != left_out).collect(),
    };
    Scheme::fused(config, (0..names.len()).map(without).collect())
}
