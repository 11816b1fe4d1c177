//! What of a cell a decoder sees in training and validation.

use std::sync::Arc;

use mfdoom_model::PackedBatch;
use mfdoom_model::decoder::{ProfileBatch, ProfilePath, log_normalised};
use mfdoom_nn::Stream;

use crate::data::Cells;
use crate::view::Views;

/// The epoch whose draws validation uses.
pub(super) const VALIDATION: u64 = u64::MAX;

/// Views of cells: modalities, a part of the tokens, and genes that are hidden.
#[derive(Clone, Debug)]
pub struct DecoderViews {
    /// Token subsets and modality dropout.
    pub views: Views,
    /// Probability that a gene is hidden from the input, in all modalities of a cell.
    pub hide_genes: f64,
    /// Which modalities may be used.
    pub allowed: Vec<bool>,
    /// Number of different views of a cell, over and over; 0 draws a fresh one in every epoch.
    pub count: u64,
}

/// Which modalities each cell of a batch shows, and the draw that decides its tokens and hidden genes.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub modalities: Vec<Vec<bool>>,
    pub draw: u64,
}

impl DecoderViews {
    /// Everything that the allowed modalities have, nothing hidden.
    pub(super) fn plain(allowed: Vec<bool>) -> Self {
        let views = Views { max_tokens: usize::MAX, token_dropout: 0.0, modality_dropout: 0.0, seed: 0 };
        Self { views, hide_genes: 0.0, allowed, count: 0 }
    }

    /// Returns how many views of one cell a run may need, validation included.
    pub(super) fn n_views(&self) -> u64 {
        let allowed = self.allowed.iter().filter(|allowed| **allowed).count().min(20) as u32;
        let modalities = if self.views.modality_dropout > 0.0 { 2u64.pow(allowed) } else { 1 };
        modalities * (self.count + 1)
    }

    /// Returns the number of the draw that an epoch uses.
    pub(super) fn draw(&self, epoch: u64) -> u64 {
        if self.count == 0 || epoch == VALIDATION { epoch } else { epoch % self.count }
    }

    /// Returns what a training step shows.
    pub(super) fn training(&self, cells: &Cells, batch: &[usize], epoch: u64) -> Shown {
        let of = |cell: &usize| self.views.shown(cells, *cell, epoch, &self.allowed);
        Shown { modalities: batch.iter().map(of).collect(), draw: self.draw(epoch) }
    }

    /// Returns what validation shows: of the allowed modalities all, or only one.
    pub(super) fn validation(&self, cells: &Cells, batch: &[usize], only: Option<usize>) -> Shown {
        let has = |m: usize, cell: usize| {
            self.allowed[m] && only.is_none_or(|o| o == m) && !cells.tokens(m).cell(cell).0.is_empty()
        };
        let n = cells.modalities.len();
        let modalities = batch.iter().map(|cell| (0..n).map(|m| has(m, *cell)).collect()).collect();
        Shown { modalities, draw: VALIDATION }
    }

    /// Returns which vocabulary ids are hidden in a cell, or nothing where none is.
    pub(super) fn hidden(&self, cells: &Cells, cell: usize, draw: u64) -> Option<Vec<bool>> {
        if self.hide_genes <= 0.0 {
            return None;
        }
        let mut stream = Stream::new(self.views.seed, "genes", draw, cell as u64);
        Some((0..=cells.vocabulary.len()).map(|_| stream.chance(self.hide_genes)).collect())
    }

    /// Packs cells for the backbone.
    pub(super) fn pack(&self, cells: &Cells, batch: &[usize], shown: &Shown) -> PackedBatch {
        let mut packed = PackedBatch::new(cells.modalities.len());
        packed.cells = batch.len();
        for (&cell, modalities) in batch.iter().zip(&shown.modalities) {
            let hidden = self.hidden(cells, cell, shown.draw);
            let is_hidden = |id: u32| hidden.as_ref().is_some_and(|hidden| hidden[id as usize]);
            self.views.push((cells, cell), shown.draw, (modalities, &is_hidden), &mut packed);
        }
        packed
    }

    /// Returns the profiles of cells, from all of their tokens.
    pub(super) fn profile(
        &self,
        cells: &Cells,
        path: &ProfilePath,
        batch: &[usize],
        shown: &Shown,
    ) -> ProfileBatch {
        let mut profile = ProfileBatch::new(cells.modalities.len());
        profile.cells = batch.len();
        let everything: Arc<[u32]> = (1..=cells.vocabulary.len() as u32).collect();
        for (&cell, modalities) in batch.iter().zip(&shown.modalities) {
            let hidden = self.hidden(cells, cell, shown.draw);
            let is_hidden = |id: u32| hidden.as_ref().is_some_and(|hidden| hidden[id as usize]);
            for (m, to) in profile.modalities.iter_mut().enumerate() {
                let Some(mean) = path.mean(m).filter(|_| modalities[m]) else {
                    to.push_absent();
                    continue;
                };
                let tokens = cells.tokens(m);
                let size = tokens.library_size[cell] as f32;
                let (ids, counts) = tokens.cell(cell);
                let seen = ids.iter().zip(counts).filter(|(id, _)| !is_hidden(**id));
                let seen = seen.map(|(id, count)| (*id, log_normalised(*count, size)));
                let measured = cells.measured.get(cells.dataset(cell), &cells.modalities[m]);
                let measured = measured.unwrap_or(&everything);
                let masked = measured.iter().filter(|id| is_hidden(**id)).map(|id| (*id, mean[*id as usize]));
                to.push(seen.chain(masked), measured);
            }
        }
        profile
    }
}
