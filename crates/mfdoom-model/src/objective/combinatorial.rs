//! Combinatorial contrast: each modality against the joint vector of the others (Everything At Once, arXiv 2112.04446).

use candle_core::{Result, Tensor};
use mfdoom_nn::ParameterBuilder;

use super::contrastive::Pair;
use super::outputs::{Outputs, normalise};
use super::{NamedTerm, Terms};
use crate::config::{ModelConfig, Negatives};
use crate::scheme::{Block, Fusing, Scheme};

/// Temperature of the published system.
const TEMPERATURE: f64 = 0.05;

/// The sum of both directions of InfoNCE between each pair of modalities, and between each modality and the fusion block
/// that reads all the others, over unit vectors of cells that have both sides. In a scheme without a block of all the
/// others, each modality and the largest blocks that do not read it; of two modalities `everything-at-once` has none. The pair of
/// the first two modalities has the weight 1, every other term that of the configuration.
#[derive(Debug)]
pub struct Combinatorial;

/// One side of a term: an output, and for each modality whether it makes a cell have this side.
struct Side {
    name: String,
    reads: Vec<bool>,
}

impl Terms for Combinatorial {
    fn check(config: &ModelConfig, scheme: &Scheme) -> std::result::Result<(), String> {
        let n = config.modalities.len();
        // passes over a pair have nothing to be compared with where there are two modalities
        let pair = n == 2 && scheme.fusing == Fusing::Copies;
        match pair || (0..n).all(|m| !others(config, scheme, m).is_empty()) {
            true => Ok(()),
            false => Err("needs fusion blocks of modalities but each one".into()),
        }
    }

    fn looks_at_whole(&self) -> bool {
        false
    }

    fn weight(&self, config: &ModelConfig, term: &str) -> f64 {
        let leading = config.modalities.get(..2).is_some_and(|pair| term == pair.join("|"));
        if leading { 1.0 } else { config.other_pairs }
    }

    fn build(_: &ParameterBuilder, _: &ModelConfig) -> Result<Self> {
        Ok(Self)
    }

    fn terms(&self, outputs: &Outputs<'_>) -> Result<Vec<NamedTerm>> {
        let (names, scheme) = (&outputs.config().modalities, outputs.model.scheme());
        let modality = |m: usize| Side {
            name: names[m].clone(),
            reads: (0..names.len()).map(|other| other == m).collect(),
        };
        let mut all = Vec::new();
        for a in 0..names.len() {
            for b in a + 1..names.len() {
                all.push(term(outputs, &modality(a), &modality(b))?);
            }
        }
        for m in 0..names.len() {
            for block in others(outputs.config(), scheme, m) {
                let block = Side { name: block.name.clone(), reads: block.reads.clone() };
                all.push(term(outputs, &modality(m), &block)?);
            }
        }
        Ok(all)
    }
}

/// Returns the largest blocks that do not read a modality; the vector of one modality is no joint vector.
fn others<'a>(config: &ModelConfig, scheme: &'a Scheme, left_out: usize) -> Vec<&'a Block> {
    let joint = |block: &&Block| !block.reads[left_out] && !config.modalities.contains(&block.name);
    let blocks: Vec<&Block> = scheme.parts().iter().filter(joint).collect();
    let largest = blocks.iter().map(|block| block.members().count()).max();
    blocks.into_iter().filter(|block| Some(block.members().count()) == largest).collect()
}

fn term(outputs: &Outputs<'_>, a: &Side, b: &Side) -> Result<NamedTerm> {
    let has = |side: &Side, cell: usize| {
        side.reads.iter().zip(&outputs.present).any(|(reads, present)| *reads && present[cell])
    };
    let both: Vec<u32> =
        (0..outputs.cells()).filter(|cell| has(a, *cell) && has(b, *cell)).map(|cell| cell as u32).collect();
    let name = format!("{}|{}", a.name, b.name);
    if both.is_empty() {
        return Ok((name, None));
    }
    let (x, y) = (normalise(&outputs.head(&a.name)?)?, normalise(&outputs.head(&b.name)?)?);
    let scale = Tensor::new(1.0 / TEMPERATURE, x.device())?.to_dtype(x.dtype())?;
    let pair = Pair { both, scale, negatives: Negatives::Present };
    let value = (pair.cross_entropy(&x, &y)? + pair.cross_entropy(&y, &x)?)?;
    Ok((name, Some(value)))
}
