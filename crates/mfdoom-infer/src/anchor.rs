//! The closed form's coordinates of cells that are read block by block.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use mfdoom_anchor::{Anchor, Block, Cells, Encoder};
use mfdoom_model::{Anchoring, Model, modalities_read};
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
        let dataset: Vec<u32> = (0..block.len()).map(|cell| self.number(block, cell)).collect();
        let cells = Cells { blocks: block.tokens.iter().map(as_block).collect(), dataset: &dataset };
        let rows: Vec<usize> = batch.collect();
        self.reads.iter().map(|using| self.encoder.embed(&cells, &rows, using).means).collect()
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
