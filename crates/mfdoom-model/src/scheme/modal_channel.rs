//! One block for each set of two or more modalities (Modal Channel Attention, arXiv 2403.20280).

use super::{Block, Scheme, subsets};
use crate::config::ModelConfig;

/// Returns the scheme: behind the block of all modalities one for each smaller set of at least two, larger sets
/// first. For four modalities these are 11 blocks.
pub(super) fn scheme(config: &ModelConfig) -> Scheme {
    let names = &config.modalities;
    let parts = (2..names.len()).rev().flat_map(|size| subsets(names.len(), size));
    let parts = parts.map(|reads| Block::of(names, reads)).collect();
    Scheme::fused(config, parts)
}

#[cfg(test)]
mod tests {
    use crate::{Fusion, ModelConfig, Preset, Scheme};

    fn names(modalities: &[&str]) -> Vec<String> {
        let modalities = modalities.iter().map(ToString::to_string).collect();
        let config =
            ModelConfig { fusion: Fusion::ModalChannel, ..ModelConfig::preset(Preset::Tiny, modalities, 9) };
        Scheme::of(&config).blocks.into_iter().map(|block| block.name).collect()
    }

    #[test]
    fn a_block_for_each_set_of_two_or_more() {
        assert_eq!(names(&["a", "b"]), ["fusion"]);
        assert_eq!(names(&["a", "b", "c"]), ["fusion", "fusion_of_a_b", "fusion_of_a_c", "fusion_of_b_c"]);
        let four = names(&["a", "b", "c", "d"]);
        assert_eq!(four.len(), 11);
        assert_eq!(four[1..5], ["fusion_of_a_b_c", "fusion_of_a_b_d", "fusion_of_a_c_d", "fusion_of_b_c_d"]);
    }
}
