//! One fusion block that reads every present modality (Zorro, arXiv 2301.09595).

use super::Scheme;
use crate::config::ModelConfig;

/// Returns the scheme: no block but the one that reads everything.
pub(super) fn scheme(config: &ModelConfig) -> Scheme {
    Scheme::fused(config, Vec::new())
}
