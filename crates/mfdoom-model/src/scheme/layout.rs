//! Where the rows of a batch lie, and the attention plans that follow from it.
//!
//! Rows of the hidden states are ordered modality by modality and cell by cell: first the tokens of genes, then
//! the profile tokens, if the model has any. Behind them come the fusion rows, cell by cell and block by block:
//!
//! ```text
//! spliced of cell 0 | spliced of cell 1 | .. | unspliced of cell 0 | .. | fusion of cell 0 | fusion of cell 1 ..
//! ```
//!
//! Of blocks that copy rows, the fusion rows are those of each modality that they read, in its order, or one row where
//! a cell lacks it.

use std::ops::Range;
use std::sync::Arc;

use candle_core::Result;
use mfdoom_nn::{AttentionPlan, Group, Segment};

use super::{Block, Fusing, Output, Reads, Scheme};
use crate::batch::PackedBatch;

/// Where the rows of a batch lie.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Number of cells.
    pub cells: usize,
    /// First row of each modality, by cell, with the end of the last cell behind: `[modality][cell + 1]`.
    tokens: Vec<Vec<usize>>,
    /// The same of the profile tokens.
    profiles: Vec<Vec<usize>>,
    fusion: usize,
    /// First row of each block, cell by cell, with the end of the last one behind.
    blocks: Vec<usize>,
    /// Whether blocks that copy rows are there for all modalities too, and not only for some.
    whole: bool,
    scheme: Scheme,
}

impl Layout {
    /// Lays out a batch.
    pub fn new(batch: &PackedBatch, scheme: &Scheme) -> Self {
        Self::with(batch, scheme, true)
    }

    /// As [`Layout::new`]; where blocks copy rows and `whole` is not wanted, the block of all modalities has none.
    pub(crate) fn with(batch: &PackedBatch, scheme: &Scheme, whole: bool) -> Self {
        let mut next = 0;
        let mut tokens = Vec::with_capacity(batch.modalities.len());
        for modality in &batch.modalities {
            tokens.push(modality.offsets.iter().map(|o| next + o).collect());
            next += modality.ids.len();
        }
        let mut profiles = Vec::with_capacity(batch.modalities.len());
        for modality in &batch.modalities {
            let mut starts = vec![next];
            for cell in 0..batch.cells {
                next += if modality.profiles.has(cell) { scheme.profile_tokens } else { 0 };
                starts.push(next);
            }
            profiles.push(starts);
        }
        let scheme = scheme.clone();
        let mut layout =
            Self { cells: batch.cells, tokens, profiles, fusion: next, blocks: vec![next], whole, scheme };
        for cell in 0..layout.cells {
            for k in 0..layout.scheme.blocks.len() {
                next += layout.block_rows(cell, k);
                layout.blocks.push(next);
            }
        }
        layout
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.blocks[self.blocks.len() - 1]
    }

    /// Number of rows of modalities, which stand before those of fusion.
    pub fn modality_rows(&self) -> usize {
        self.fusion
    }

    fn block_rows(&self, cell: usize, block: usize) -> usize {
        let members = || self.scheme.blocks[block].members();
        match self.scheme.fusing {
            Fusing::Tokens | Fusing::Sums => self.scheme.block_tokens,
            Fusing::Copies if block == 0 && !self.whole => 0,
            Fusing::Copies => members().map(|m| self.modality_len(cell, m).max(1)).sum(),
        }
    }

    /// Rows that a modality has in a cell.
    fn modality_len(&self, cell: usize, modality: usize) -> usize {
        self.both(cell, modality).map(|rows| rows.len()).sum()
    }

    /// Rows of a modality's tokens of genes in a cell; empty where it is missing.
    pub fn modality(&self, cell: usize, modality: usize) -> Range<usize> {
        self.tokens[modality][cell]..self.tokens[modality][cell + 1]
    }

    /// Rows of a modality's profile tokens in a cell; empty where it is missing.
    pub fn profile(&self, cell: usize, modality: usize) -> Range<usize> {
        self.profiles[modality][cell]..self.profiles[modality][cell + 1]
    }

    /// All rows of a modality in a cell.
    fn both(&self, cell: usize, modality: usize) -> impl Iterator<Item = Range<usize>> {
        [self.modality(cell, modality), self.profile(cell, modality)].into_iter().filter(|r| !r.is_empty())
    }

    /// Rows of a fusion block of a cell.
    pub fn block(&self, cell: usize, block: usize) -> Range<usize> {
        let at = cell * self.scheme.blocks.len() + block;
        self.blocks[at]..self.blocks[at + 1]
    }

    /// Returns each modality that a block of copies reads, with its rows in it.
    fn copied(&self, cell: usize, block: usize) -> Vec<(usize, Range<usize>)> {
        let mut next = self.block(cell, block).start;
        let member = |m: usize| {
            let start = next;
            next += self.modality_len(cell, m).max(1);
            (m, start..next)
        };
        self.scheme.blocks[block].members().map(member).collect()
    }

    /// Returns of which row of a modality each row of blocks of copies is one; of none, which has the number behind the
    /// last, where a cell lacks the modality.
    pub(crate) fn sources(&self) -> Vec<u32> {
        let mut sources = Vec::with_capacity(self.rows() - self.fusion);
        for cell in 0..self.cells {
            for m in self.scheme.blocks.iter().skip(usize::from(!self.whole)).flat_map(Block::members) {
                match self.modality_len(cell, m) {
                    0 => sources.push(self.fusion as u32),
                    _ => sources.extend(self.both(cell, m).flatten().map(|row| row as u32)),
                }
            }
        }
        sources
    }

    /// Returns, in a scheme whose blocks are copies, the rows of one modality that an output averages; none where it does
    /// not read it.
    pub(crate) fn averaged(&self, cell: usize, reads: Reads, modality: usize) -> Option<Vec<Range<usize>>> {
        match reads {
            Reads::Modality(m) if m == modality => Some(self.both(cell, m).collect()),
            Reads::Block(k) if !self.block(cell, k).is_empty() => {
                let of = |(m, rows): (usize, Range<usize>)| (m == modality).then(|| vec![rows]);
                self.copied(cell, k).into_iter().find_map(of)
            }
            Reads::Modality(_) | Reads::Block(_) | Reads::All => None,
        }
    }

    /// Whether a cell has a modality.
    pub(crate) fn has(&self, cell: usize, modality: usize) -> bool {
        self.modality_len(cell, modality) > 0
    }

    /// Returns the plan of a layer's attention: one group per cell. Sums come after these layers.
    ///
    /// # Errors
    /// Never for a layout of a valid batch; the plan checks its ranges.
    pub fn attention(&self) -> Result<Arc<AttentionPlan>> {
        let rows = if self.scheme.fusing == Fusing::Sums { self.fusion } else { self.rows() };
        let groups = (0..self.cells).map(|cell| Group { segments: self.cell(cell) }).collect();
        AttentionPlan::new(groups, rows, rows).map(Arc::new)
    }

    /// Returns the plan by which the rows of each block of sums read each other, the first row of them being row 0.
    ///
    /// # Errors
    /// Never for a layout of a valid batch; the plan checks its ranges.
    pub fn among_sums(&self) -> Result<Arc<AttentionPlan>> {
        let own = |pair: &[usize]| pair[0] - self.fusion..pair[1] - self.fusion;
        let segment = |rows: Range<usize>| Segment { queries: rows.clone(), keys: vec![rows] };
        let groups = self.blocks.windows(2).map(|pair| Group { segments: vec![segment(own(pair))] });
        let rows = self.rows() - self.fusion;
        AttentionPlan::new(groups.collect(), rows, rows).map(Arc::new)
    }

    /// Returns the plan of the pooling: query row `cell * outputs + output`.
    ///
    /// # Errors
    /// Never for a layout of a valid batch; the plan checks its ranges.
    pub fn pooling(&self) -> Result<Arc<AttentionPlan>> {
        let n = self.scheme.outputs.len();
        let segment = |cell: usize, (k, output): (usize, &Output)| Segment {
            queries: cell * n + k..cell * n + k + 1,
            keys: self.reads(cell, output.reads),
        };
        let groups = (0..self.cells)
            .map(|cell| Group {
                segments: self.scheme.outputs.iter().enumerate().map(|o| segment(cell, o)).collect(),
            })
            .collect();
        AttentionPlan::new(groups, self.cells * n, self.rows()).map(Arc::new)
    }

    /// Returns the plan by which `n` queries of each cell read the rows of an output: query row
    /// `cell * n + i`.
    ///
    /// # Errors
    /// Never for a layout of a valid batch; the plan checks its ranges.
    pub fn reading(&self, reads: Reads, n: usize) -> Result<Arc<AttentionPlan>> {
        let group = |cell: usize| Group {
            segments: vec![Segment { queries: cell * n..(cell + 1) * n, keys: self.reads(cell, reads) }],
        };
        AttentionPlan::new((0..self.cells).map(group).collect(), self.cells * n, self.rows()).map(Arc::new)
    }

    fn cell(&self, cell: usize) -> Vec<Segment> {
        let n = self.tokens.len();
        let own = |m: usize| {
            let keys: Vec<_> = self.both(cell, m).collect();
            self.both(cell, m).map(move |queries| Segment { queries, keys: keys.clone() })
        };
        let block = |k: usize| {
            let rows = self.block(cell, k);
            let read = self.scheme.blocks[k].members().flat_map(|m| self.both(cell, m));
            let mut keys: Vec<_> =
                if self.scheme.fusing == Fusing::Tokens { read.collect() } else { Vec::new() };
            keys.push(rows.clone());
            Segment { queries: rows, keys }
        };
        let in_layers = if self.scheme.fusing == Fusing::Sums { 0 } else { self.scheme.blocks.len() };
        let blocks = (0..in_layers).map(block).filter(|segment| !segment.queries.is_empty());
        (0..n).flat_map(own).chain(blocks).collect()
    }

    pub(crate) fn reads(&self, cell: usize, reads: Reads) -> Vec<Range<usize>> {
        let modalities = (0..self.tokens.len()).flat_map(|m| self.both(cell, m));
        match reads {
            Reads::Modality(m) => self.both(cell, m).collect(),
            // the layers make something of a sum of nothing, but nothing of the cell
            Reads::Block(k)
                if self.scheme.fusing == Fusing::Sums
                    && !self.scheme.blocks[k].members().any(|m| self.has(cell, m)) =>
            {
                Vec::new()
            }
            Reads::Block(k) => vec![self.block(cell, k)],
            Reads::All => {
                modalities.chain((0..self.scheme.blocks.len()).map(|k| self.block(cell, k))).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ModelConfig, Preset};
    use crate::scheme::Fusion;

    fn layout(fusion: Fusion) -> Layout {
        let (batch, scheme) = batch(fusion);
        Layout::new(&batch, &scheme)
    }

    /// Two cells; the first lacks u, the second x.
    fn batch(fusion: Fusion) -> (PackedBatch, Scheme) {
        let mut config = ModelConfig::preset(Preset::Tiny, vec!["s".into(), "u".into(), "x".into()], 9);
        config.fusion_tokens = 2;
        config.fusion = fusion;
        let mut batch = PackedBatch::new(3);
        batch.cells = 2;
        for (m, lengths) in [[2, 1], [0, 3], [1, 0]].into_iter().enumerate() {
            for n in lengths {
                batch.modalities[m].push(&vec![1; n], &vec![1.0; n], 1.0);
            }
        }
        (batch, Scheme::of(&config))
    }

    fn table(segments: &[Segment]) -> Vec<(Range<usize>, Vec<Range<usize>>)> {
        segments.iter().map(|s| (s.queries.clone(), s.keys.clone())).collect()
    }

    // rows: s 0..2 | 2..3, u 3..3 | 3..6, x 6..7 | 7..7, fusion from 7

    #[test]
    fn zorro_reads_all_present_modalities_into_one_block() {
        let l = layout(Fusion::Zorro);
        assert_eq!(l.rows(), 11);
        assert_eq!(
            table(&l.cell(0)),
            [(0..2, vec![0..2]), (6..7, vec![6..7]), (7..9, vec![0..2, 6..7, 7..9])]
        );
        assert_eq!(
            table(&l.cell(1)),
            [(2..3, vec![2..3]), (3..6, vec![3..6]), (9..11, vec![2..3, 3..6, 9..11])]
        );
    }

    #[test]
    fn leave_one_out_blocks_read_all_but_one_modality_and_never_each_other() {
        let l = layout(Fusion::LeaveOneOut);
        assert_eq!(l.rows(), 7 + 2 * 8);
        assert_eq!(
            table(&l.cell(0)),
            [
                (0..2, vec![0..2]),
                (6..7, vec![6..7]),
                (7..9, vec![0..2, 6..7, 7..9]),
                (9..11, vec![6..7, 9..11]),
                (11..13, vec![0..2, 6..7, 11..13]),
                (13..15, vec![0..2, 13..15]),
            ]
        );
    }

    #[test]
    fn none_has_only_the_modalities() {
        let l = layout(Fusion::None);
        assert_eq!(l.rows(), 7);
        assert_eq!(table(&l.cell(1)), [(2..3, vec![2..3]), (3..6, vec![3..6])]);
        assert_eq!(l.scheme.outputs.len(), 3);
    }

    #[test]
    fn passes_copy_the_rows_of_what_they_read() {
        let l = layout(Fusion::EverythingAtOnce);
        // whole, then su, sx, ux; cell 0 lacks u, which is one row
        assert_eq!([0, 1, 2, 3].map(|k| l.block(0, k)), [7..11, 11..14, 14..17, 17..19]);
        assert_eq!(l.copied(0, 0), [(0, 7..9), (1, 9..10), (2, 10..11)]);
        assert_eq!(l.sources()[..7], [0, 1, 7, 6, 0, 1, 7]);
        assert_eq!(l.rows() - 7, l.sources().len());
        assert_eq!(
            table(&l.cell(0))[1..4],
            [(6..7, vec![6..7]), (7..11, vec![7..11]), (11..14, vec![11..14])]
        );
        assert_eq!(l.averaged(0, Reads::Block(3), 2), Some(vec![18..19]));
        assert_eq!(l.averaged(0, Reads::Block(3), 0), None);
    }

    #[test]
    fn a_pass_over_all_that_nobody_reads_has_no_row() {
        let (batch, scheme) = batch(Fusion::EverythingAtOnce);
        let l = Layout::with(&batch, &scheme, false);
        assert_eq!([0, 1, 2, 3].map(|k| l.block(0, k)), [7..7, 7..10, 10..13, 13..15]);
        assert_eq!(l.sources()[..3], [0, 1, 7]);
        assert_eq!(l.rows() - 7, l.sources().len());
        assert_eq!(table(&l.cell(0))[1..3], [(6..7, vec![6..7]), (7..10, vec![7..10])]);
        assert_eq!(l.averaged(0, Reads::Block(0), 2), None);
        assert_eq!(l.averaged(0, Reads::Block(3), 2), Some(vec![14..15]));
    }

    #[test]
    fn sums_are_made_behind_the_layers_and_read_each_other() {
        let l = layout(Fusion::Projection);
        assert_eq!((l.modality_rows(), l.rows()), (7, 7 + 2 * 4 * 2));
        assert_eq!(table(&l.cell(0)), [(0..2, vec![0..2]), (6..7, vec![6..7])]);
        assert_eq!(l.attention().unwrap().n_queries(), 7);
        assert_eq!(l.among_sums().unwrap().n_queries(), 16);
        assert_eq!(l.reads(0, Reads::Block(1)), [9..11]);
        assert!(l.reads(0, Reads::Block(2)).is_empty(), "cell 0 has no u");
    }

    #[test]
    fn outputs_are_modalities_fusion_global_and_the_further_blocks() {
        let names: Vec<String> =
            layout(Fusion::LeaveOneOut).scheme.outputs.into_iter().map(|o| o.name).collect();
        let wanted =
            ["s", "u", "x", "fusion", "global", "fusion_without_s", "fusion_without_u", "fusion_without_x"];
        assert_eq!(names, wanted);
    }

    #[test]
    fn global_reads_every_row_and_a_missing_modality_has_no_key() {
        let l = layout(Fusion::Zorro);
        assert_eq!(l.reads(0, Reads::All), [0..2, 6..7, 7..9]);
        assert!(l.reads(0, Reads::Modality(1)).is_empty());
        assert_eq!(l.reads(1, Reads::Block(0)), [l.block(1, 0)]);
    }
}
