//! One block for each set of two or more modalities (Modal Channel Attention, arXiv 2403.20280).

use super::{Block, Scheme};
use crate::config::ModelConfig;

/// Returns the scheme: behind the block of all modalities one for each smaller set of at least two, larger sets
/// first. For four modalities these are 11 blocks.
pub(super) fn scheme(config: &ModelConfig) -> Scheme {
    let names = &config.modalities;
    let parts = (2..names.len()).rev().flat_map(|size| subsets(names.len(), size));
    let block = |reads: Vec<bool>| {
        let read = names.iter().zip(&reads).filter(|(_, reads)| **reads);
        let read: Vec<&str> = read.map(|(name, _)| name.as_str()).collect();
        Block { name: format!("fusion_of_{}", read.join("_")), reads }
    };
    Scheme::fused(config, parts.map(block).collect())
}

/// Returns the subsets of `n` things with `size` members, in the order of their members.
fn subsets(n: usize, size: usize) -> Vec<Vec<bool>> {
    if size > n {
        return Vec::new();
    }
    let Some(rest) = n.checked_sub(1) else { return vec![Vec::new()] };
    let begin = |first: bool, rest: Vec<Vec<bool>>| {
        rest.into_iter().map(move |rest| [first].into_iter().chain(rest).collect::<Vec<bool>>())
    };
    let with = if size > 0 { subsets(rest, size - 1) } else { Vec::new() };
    begin(true, with).chain(begin(false, subsets(rest, size))).collect()
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
