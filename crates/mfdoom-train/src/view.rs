//! What of its tokens a cell shows: all in inference, a fresh random part in training.

use mfdoom_model::PackedBatch;
use mfdoom_nn::Stream;

use crate::data::Cells;

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
    pub fn training(&self, cells: &Cells, batch: &[usize], epoch: u64) -> PackedBatch {
        let mut packed = PackedBatch::new(cells.modalities.len());
        packed.cells = batch.len();
        let present = vec![true; cells.modalities.len()];
        for &cell in batch {
            let shown = self.shown(cells, cell, epoch, &present);
            self.push((cells, cell), epoch, (&shown, &|_| false), &mut packed);
        }
        packed
    }

    /// Appends a cell to a batch: the shown modalities, without the genes that are hidden.
    pub(crate) fn push(
        &self,
        (cells, cell): (&Cells, usize),
        epoch: u64,
        (shown, hidden): (&[bool], &dyn Fn(u32) -> bool),
        packed: &mut PackedBatch,
    ) {
        let mut stream = Stream::new(self.seed, "tokens", epoch, cell as u64);
        for (m, to) in packed.modalities.iter_mut().enumerate() {
            let tokens = cells.tokens(m);
            let (ids, counts) = tokens.cell(cell);
            let open: Vec<usize> = (0..ids.len()).filter(|i| !hidden(ids[*i])).collect();
            let rows = stream.sample(open.len(), self.kept(open.len()));
            let rows = if shown[m] { rows } else { Vec::new() };
            let ids: Vec<u32> = rows.iter().map(|i| ids[open[*i]]).collect();
            let counts: Vec<f32> = rows.iter().map(|i| counts[open[*i]]).collect();
            to.push(&ids, &counts, tokens.library_size[cell] as f32);
        }
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
    pub(crate) fn shown(&self, cells: &Cells, cell: usize, epoch: u64, allowed: &[bool]) -> Vec<bool> {
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
pub fn inference(cells: &Cells, batch: &[usize], max_tokens: usize) -> PackedBatch {
    let mut packed = PackedBatch::new(cells.modalities.len());
    packed.cells = batch.len();
    for &cell in batch {
        for (m, to) in packed.modalities.iter_mut().enumerate() {
            let tokens = cells.tokens(m);
            let (ids, counts) = tokens.cell(cell);
            let (ids, counts) = highest(ids, counts, max_tokens);
            to.push(&ids, &counts, tokens.library_size[cell] as f32);
        }
    }
    packed
}

/// Returns the `max` tokens with the highest counts, ties by id, in ascending order of id.
///
/// ```
/// let (ids, counts) = mfdoom_train::highest(&[2, 5, 7, 9], &[1.0, 4.0, 1.0, 2.0], 3);
/// assert_eq!((ids, counts), (vec![2, 5, 9], vec![1.0, 4.0, 2.0]));
/// ```
pub fn highest(ids: &[u32], counts: &[f32], max: usize) -> (Vec<u32>, Vec<f32>) {
    if ids.len() <= max {
        return (ids.to_vec(), counts.to_vec());
    }
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by(|a, b| counts[*b].total_cmp(&counts[*a]).then(ids[*a].cmp(&ids[*b])));
    order.truncate(max);
    order.sort_unstable();
    (order.iter().map(|i| ids[*i]).collect(), order.iter().map(|i| counts[*i]).collect())
}

fn pick(stream: &mut Stream, among: &[usize]) -> usize {
    among[stream.below(among.len() as u64) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_cell_keeps_its_highest_counts_whatever_the_gene_order() {
        let (ids, counts) = highest(&[1, 2, 3, 4, 5], &[3.0, 9.0, 3.0, 1.0, 3.0], 3);
        assert_eq!(ids, [1, 2, 3]);
        assert_eq!(counts, [3.0, 9.0, 3.0]);
    }
}
