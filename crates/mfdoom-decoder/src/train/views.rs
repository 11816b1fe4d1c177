//! What of a cell a decoder sees in training and validation.

use std::sync::Arc;

use mfdoom_model::PackedBatch;
use mfdoom_nn::Stream;
use mfdoom_train::{TrainingCells, Views};

use crate::profile::{ProfileBatch, log_normalised};
use crate::profile_path::ProfilePath;

/// The draw that validation uses.
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

/// One way of looking at every cell: which modalities it shows, which tokens, and which genes are hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct View {
    draw: u64,
    only: Option<usize>,
}

impl View {
    /// What validation sees: of the allowed modalities all, or only one.
    pub(crate) fn validation(only: Option<usize>) -> Self {
        Self { draw: VALIDATION, only }
    }
}

impl DecoderViews {
    /// Everything that the allowed modalities have, nothing hidden.
    pub(crate) fn plain(allowed: Vec<bool>) -> Self {
        let views = Views {
            max_tokens: usize::MAX,
            token_dropout: 0.0,
            modality_dropout: 0.0,
            hide_one: false,
            seed: 0,
        };
        Self { views, hide_genes: 0.0, allowed, count: 0 }
    }

    /// Returns the view of a training epoch.
    pub(crate) fn training(&self, epoch: u64) -> View {
        View { draw: if self.count == 0 { epoch } else { epoch % self.count }, only: None }
    }

    /// Returns whether a run comes back to a view.
    pub(crate) fn repeats(&self, view: View) -> bool {
        self.count > 0 || view.draw == VALIDATION
    }

    /// Returns how many views a run may come back to.
    pub(crate) fn n_repeated(&self) -> u64 {
        self.count + 1 + self.allowed.len() as u64
    }

    /// Returns which modalities a cell shows.
    fn modalities(&self, cells: &TrainingCells, cell: usize, view: View) -> Vec<bool> {
        if view.draw != VALIDATION {
            return self.views.shown(cells, cell, view.draw, &self.allowed);
        }
        let has = |m: usize| {
            self.allowed[m] && view.only.is_none_or(|o| o == m) && !cells.tokens(m).cell(cell).0.is_empty()
        };
        (0..cells.modalities.len()).map(has).collect()
    }

    /// Returns which vocabulary ids are hidden in a cell, or nothing where none is.
    pub(crate) fn hidden(&self, cells: &TrainingCells, cell: usize, view: View) -> Option<Vec<bool>> {
        if self.hide_genes <= 0.0 {
            return None;
        }
        let mut stream = Stream::new(self.views.seed, "genes", view.draw, cell as u64);
        Some((0..=cells.vocabulary.len()).map(|_| stream.chance(self.hide_genes)).collect())
    }

    /// Packs cells for the backbone.
    pub(crate) fn pack(&self, cells: &TrainingCells, batch: &[usize], view: View) -> PackedBatch {
        let mut packed = PackedBatch::new(cells.modalities.len());
        let draw = self.views.tokens(cells, view.draw);
        for &cell in batch {
            let modalities = self.modalities(cells, cell, view);
            let hidden = self.hidden(cells, cell, view);
            let is_hidden = |id: u32| hidden.as_ref().is_some_and(|hidden| hidden[id as usize]);
            draw.push(cell, &modalities, &is_hidden, &mut packed);
        }
        packed
    }

    /// Returns the profiles of cells, from all of their tokens.
    pub(crate) fn profile(
        &self,
        cells: &TrainingCells,
        path: &ProfilePath,
        batch: &[usize],
        view: View,
    ) -> ProfileBatch {
        let mut profile = ProfileBatch::new(cells.modalities.len());
        profile.cells = batch.len();
        let everything: Arc<[u32]> = (1..=cells.vocabulary.len() as u32).collect();
        for &cell in batch {
            let modalities = self.modalities(cells, cell, view);
            let hidden = self.hidden(cells, cell, view);
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
