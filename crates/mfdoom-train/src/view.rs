//! What of its tokens a cell shows: all in inference, a fresh random part in training.

use mfdoom_model::{PackedBatch, highest};
use mfdoom_nn::Stream;

use crate::data::TrainingCells;

/// How cells are shown in training.
#[derive(Clone, Debug, PartialEq)]
pub struct Views {
    /// Most tokens of a modality.
    pub max_tokens: usize,
    /// Share of a modality's tokens that is hidden, drawn anew in every epoch (VATT's DropToken).
    pub token_dropout: f64,
    /// Probability that a modality of a cell is hidden; one always stays.
    pub modality_dropout: f64,
    /// Seed of every draw.
    pub seed: u64,
}

impl Views {
    /// Packs cells as a training step of `epoch` sees them. The draws of a cell depend on seed, epoch and cell
    /// alone, not on its neighbours in the batch.
    pub fn training(&self, cells: &TrainingCells, batch: &[usize], epoch: u64) -> PackedBatch {
        let mut packed = PackedBatch::new(cells.modalities.len());
        let present = vec![true; cells.modalities.len()];
        for &cell in batch {
            let shown = self.shown(cells, cell, epoch, &present);
            self.push((cells, cell), epoch, (&shown, &|_| false), &mut packed);
        }
        packed
    }

    /// Appends a cell to a batch: the shown modalities, without the genes that are hidden.
    pub fn push(
        &self,
        (cells, cell): (&TrainingCells, usize),
        epoch: u64,
        (shown, hidden): (&[bool], &dyn Fn(u32) -> bool),
        packed: &mut PackedBatch,
    ) {
        let mut stream = Stream::new(self.seed, "tokens", epoch, cell as u64);
        packed.push_cell(|m| {
            let mut tokens = cells.shown(cell, m);
            let open: Vec<usize> = (0..tokens.ids.len()).filter(|i| !hidden(tokens.ids[*i])).collect();
            let rows = stream.sample(open.len(), self.kept(open.len()));
            let rows = if shown[m] { rows } else { Vec::new() };
            tokens.rows = Some(rows.into_iter().map(|row| open[row]).collect());
            tokens
        });
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
        let n = cells.modalities.len();
        let mut shown: Vec<bool> = (0..n).map(|m| !stream.chance(self.modality_dropout) && has(m)).collect();
        let present: Vec<usize> = (0..n).filter(|m| has(*m)).collect();
        if !shown.contains(&true) && !present.is_empty() {
            shown[pick(&mut stream, &present)] = true;
        }
        shown
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

fn pick(stream: &mut Stream, among: &[usize]) -> usize {
    among[stream.below(among.len() as u64) as usize]
}
