//! What of its tokens a cell shows: all in inference, a fresh random part in training.

use mfdoom_model::{PackedBatch, highest};
use mfdoom_nn::Stream;

use crate::data::TrainingCells;

/// Purpose of the stream that says which tokens of a cell are shown.
const TOKENS: &str = "tokens";

/// How cells are shown in training.
#[derive(Clone, Debug, PartialEq)]
pub struct Views {
    /// Most tokens of a modality.
    pub max_tokens: usize,
    /// Share of a modality's tokens that is hidden, drawn anew in every epoch (VATT's DropToken).
    pub token_dropout: f64,
    /// Probability that a modality of a cell is hidden; one always stays.
    pub modality_dropout: f64,
    /// Whether a cell that has every modality never shows all of them.
    pub hide_one: bool,
    /// Seed of every draw.
    pub seed: u64,
}

impl Views {
    /// Packs cells as a training step of `epoch` sees them. The draws of a cell depend on seed, epoch and cell
    /// alone, not on its neighbours in the batch.
    pub fn training(&self, cells: &TrainingCells, batch: &[usize], epoch: u64) -> PackedBatch {
        self.drawn(cells, batch, epoch, TOKENS)
    }

    /// Packs the cells of a step, which show the same modalities, with another draw of their tokens.
    pub fn again(&self, cells: &TrainingCells, batch: &[usize], epoch: u64) -> PackedBatch {
        self.drawn(cells, batch, epoch, "tokens again")
    }

    fn drawn(&self, cells: &TrainingCells, batch: &[usize], epoch: u64, purpose: &str) -> PackedBatch {
        let mut packed = PackedBatch::new(cells.modalities.len());
        let present = vec![true; cells.modalities.len()];
        let draw = TokenDraw { views: self, cells, epoch, purpose };
        for &cell in batch {
            draw.push(cell, &self.shown(cells, cell, epoch, &present), &|_| false, &mut packed);
        }
        packed
    }

    /// Returns what draws the tokens of cells as a training step of `epoch` sees them.
    pub fn tokens<'a>(&'a self, cells: &'a TrainingCells, epoch: u64) -> TokenDraw<'a> {
        TokenDraw { views: self, cells, epoch, purpose: TOKENS }
    }

    /// Returns the batch with one random modality hidden in each cell that shows two or more.
    pub fn subset(&self, packed: &PackedBatch, batch: &[usize], epoch: u64) -> PackedBatch {
        let present = packed.present();
        let hidden: Vec<Option<usize>> = batch
            .iter()
            .enumerate()
            .map(|(c, cell)| {
                let shown: Vec<usize> = (0..present.len()).filter(|m| present[*m][c]).collect();
                let mut stream = Stream::new(self.seed, "subset", epoch, *cell as u64);
                (shown.len() > 1).then(|| pick(&mut stream, &shown))
            })
            .collect();
        packed.restrict(|m, c| hidden[c] != Some(m))
    }

    fn kept(&self, n: usize) -> usize {
        let after = (n as f64 * (1.0 - self.token_dropout)).ceil() as usize;
        after.min(self.max_tokens)
    }

    /// Returns which of the allowed modalities a cell shows.
    pub fn shown(&self, cells: &TrainingCells, cell: usize, epoch: u64, allowed: &[bool]) -> Vec<bool> {
        let has = |m: usize| allowed[m] && !cells.tokens(m).cell(cell).0.is_empty();
        let mut stream = Stream::new(self.seed, "modalities", epoch, cell as u64);
        let has: Vec<bool> = (0..cells.modalities.len()).map(has).collect();
        self.chosen(&has, &mut stream)
    }

    /// Draws which of the modalities that a cell has it shows: one at least, and never all where one is to be hidden.
    fn chosen(&self, has: &[bool], stream: &mut Stream) -> Vec<bool> {
        let mut shown: Vec<bool> =
            has.iter().map(|has| !stream.chance(self.modality_dropout) && *has).collect();
        let present: Vec<usize> = (0..has.len()).filter(|m| has[*m]).collect();
        if !shown.contains(&true) && !present.is_empty() {
            shown[pick(stream, &present)] = true;
        }
        if self.hide_one && shown.len() > 1 && !shown.contains(&false) {
            shown[pick(stream, &present)] = false;
        }
        shown
    }
}

/// Draws which tokens of a cell are shown.
#[derive(Clone, Copy, Debug)]
pub struct TokenDraw<'a> {
    views: &'a Views,
    cells: &'a TrainingCells,
    epoch: u64,
    purpose: &'a str,
}

impl TokenDraw<'_> {
    /// Appends a cell to a batch: the shown modalities, without the genes that are hidden.
    pub fn push(&self, cell: usize, shown: &[bool], hidden: &dyn Fn(u32) -> bool, packed: &mut PackedBatch) {
        let mut stream = Stream::new(self.views.seed, self.purpose, self.epoch, cell as u64);
        packed.push_cell(|m| {
            let mut tokens = self.cells.shown(cell, m);
            let open: Vec<usize> = (0..tokens.ids.len()).filter(|i| !hidden(tokens.ids[*i])).collect();
            let rows = stream.sample(open.len(), self.views.kept(open.len()));
            let rows = if shown[m] { rows } else { Vec::new() };
            tokens.rows = Some(rows.into_iter().map(|row| open[row]).collect());
            tokens
        });
    }
}

/// Packs cells as inference sees them: of a long cell the highest counts.
pub fn inference(cells: &TrainingCells, batch: &[usize], max_tokens: usize) -> PackedBatch {
    let mut packed = PackedBatch::new(cells.modalities.len());
    for &cell in batch {
        packed.push_cell(|m| {
            let mut shown = cells.shown(cell, m);
            shown.rows = highest(shown.counts, max_tokens);
            shown
        });
    }
    packed
}

pub(crate) fn pick(stream: &mut Stream, among: &[usize]) -> usize {
    among[stream.below(among.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_modality_stays_and_where_one_is_to_be_hidden_never_all() {
        let views = |modality_dropout, hide_one| Views {
            max_tokens: 9,
            token_dropout: 0.0,
            modality_dropout,
            hide_one,
            seed: 1,
        };
        let draws = |views: Views, has: [bool; 3]| -> Vec<usize> {
            let draw = |cell| views.chosen(&has, &mut Stream::new(1, "modalities", 0, cell));
            let draws: Vec<Vec<bool>> = (0..200).map(draw).collect();
            assert!(draws.iter().flatten().zip(has.iter().cycle()).all(|(shown, has)| *has || !shown));
            draws.iter().map(|shown| shown.iter().filter(|s| **s).count()).collect()
        };
        assert!(draws(views(0.0, false), [true; 3]).iter().all(|n| *n == 3));
        assert!(draws(views(0.0, true), [true; 3]).iter().all(|n| *n == 2));
        assert!(draws(views(0.0, true), [true, true, false]).iter().all(|n| *n == 2));
        assert!(draws(views(1.0, true), [true, false, true]).iter().all(|n| *n == 1));
        let some = draws(views(0.4, true), [true; 3]);
        assert!(some.contains(&1) && some.contains(&2) && !some.contains(&3) && !some.contains(&0));
        assert!(draws(views(0.4, true), [false; 3]).iter().all(|n| *n == 0));
    }
}
