//! The closed form's coordinates of cells that are read block by block.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use mfdoom_anchor::{Anchor, AnchorCells, Block, Encoder, Scores};
use mfdoom_model::{Anchoring, Model, PackedBatch, modalities_read, profile};
use mfdoom_tokens::ModalityTokens;

use crate::cells::CellBlock;

/// The anchor of a model, with what it has learned of the data sets so far.
#[derive(Debug)]
pub(crate) struct AnchorHeads {
    encoder: Encoder<Arc<Anchor>>,
    numbers: HashMap<String, u32>,
    heads: Anchoring,
    /// Which modalities each output of the model is made of.
    reads: Vec<Vec<bool>>,
}

impl AnchorHeads {
    /// Prepares the anchor of a model, where it has one.
    pub(crate) fn new(model: &Model) -> Option<Self> {
        let (anchor, config) = (model.anchor()?, model.config());
        let modalities = config.modalities.len();
        let outputs = &model.scheme().outputs;
        Some(Self {
            encoder: Encoder::new(Arc::clone(anchor), Vec::new()),
            numbers: HashMap::new(),
            heads: config.anchor.as_ref().map_or(Anchoring::None, |anchor| anchor.heads),
            reads: outputs.iter().map(|o| modalities_read(model.scheme(), o.reads, modalities)).collect(),
        })
    }

    /// Whether the network takes part in the heads.
    pub(crate) fn with_network(&self) -> bool {
        self.heads == Anchoring::Blend
    }

    /// Number of coordinates.
    pub(crate) fn width(&self) -> usize {
        2 * self.encoder.anchor().dim
    }

    /// Returns the coordinates of the cells of a batch for each output of the model, `[outputs][cells, width]`, from all of
    /// their tokens.
    pub(crate) fn coordinates(&mut self, block: &CellBlock<'_>, batch: Range<usize>) -> Vec<Vec<f64>> {
        let reads = self.reads.clone();
        self.embed(block, batch, &reads).into_iter().map(|scores| scores.means).collect()
    }

    /// Adds the profiles of the cells of a batch to their tokens, for a model with profile tokens.
    pub(crate) fn add_profiles(
        &mut self,
        block: &CellBlock<'_>,
        batch: Range<usize>,
        packed: &mut PackedBatch,
    ) {
        let (n, width) = (packed.modalities.len(), self.width());
        let alone: Vec<Vec<bool>> = (0..n).map(|own| (0..n).map(|m| m == own).collect()).collect();
        let scores = self.embed(block, batch.clone(), &alone);
        for ((to, scores), tokens) in packed.modalities.iter_mut().zip(scores).zip(&block.tokens) {
            for (i, cell) in batch.clone().enumerate() {
                let own = scores.means[i * width..(i + 1) * width].iter().map(|x| *x as f32);
                let (size, genes) = (tokens.library_size[cell], tokens.cell(cell).0.len());
                let vector = scores.present[i].then(|| profile(own, size, genes));
                to.profiles.push(vector.as_deref());
            }
        }
    }

    /// Returns the coordinates of the cells of a batch from each of some sets of modalities.
    fn embed(&mut self, block: &CellBlock<'_>, batch: Range<usize>, sets: &[Vec<bool>]) -> Vec<Scores> {
        let dataset: Vec<u32> = (0..block.len()).map(|cell| self.number(block, cell)).collect();
        let cells = AnchorCells {
            blocks: block.tokens.iter().map(as_block).collect(),
            dataset: &dataset,
            batch: &dataset,
        };
        let rows: Vec<usize> = batch.collect();
        sets.iter().map(|using| self.encoder.embed(&cells, &rows, using)).collect()
    }

    fn number(&mut self, block: &CellBlock<'_>, cell: usize) -> u32 {
        let name = &block.dataset[cell];
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let modalities = self.encoder.anchor().parts.len();
        let measured = |m: usize| Some(Arc::clone(block.measured(cell, m)));
        let number = self.encoder.add_dataset((0..modalities).map(measured).collect());
        self.numbers.insert(name.clone(), number);
        number
    }
}

/// Returns tokens as the anchor takes counts.
fn as_block(tokens: &ModalityTokens) -> Block<'_> {
    Block {
        present: &tokens.present,
        total: &tokens.library_size,
        offsets: &tokens.offsets,
        feature: &tokens.index,
        count: &tokens.count,
    }
}
