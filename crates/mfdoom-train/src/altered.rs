//! Batches of a step that were changed on purpose: values hidden, modalities exchanged.

use mfdoom_model::{Masked, Mixed, PackedBatch};
use mfdoom_nn::Stream;

use crate::view::pick;

/// Share of a cell's values that is hidden, that of FLAVA's text.
const HIDDEN: f64 = 0.15;
/// Probability that a cell is given a modality of another one, that of FLAVA and ALBEF.
const EXCHANGED: f64 = 0.5;

/// Hides values of what is shown; `draw` is seed and epoch.
pub(crate) fn masked(shown: &PackedBatch, cells: &[usize], (seed, epoch): (u64, u64)) -> Masked {
    let mut masked = Masked { batch: shown.clone(), tokens: vec![Vec::new(); shown.modalities.len()] };
    for (i, cell) in cells.iter().enumerate() {
        let mut stream = Stream::new(seed, "masked", epoch, *cell as u64);
        for (m, tokens) in masked.tokens.iter_mut().enumerate() {
            let modality = &mut masked.batch.modalities[m];
            for at in modality.tokens(i) {
                if stream.chance(HIDDEN) {
                    modality.counts[at] = 0.0;
                    tokens.push(at as u32);
                }
            }
        }
    }
    masked
}

/// Gives some cells a modality of another cell of the batch; `draw` is seed and epoch.
pub(crate) fn mixed(shown: &PackedBatch, cells: &[usize], (seed, epoch): (u64, u64)) -> Mixed {
    let present = shown.present();
    let mut matched = Vec::with_capacity(cells.len());
    let mut exchanged = vec![None; cells.len()];
    for (i, cell) in cells.iter().enumerate() {
        let own: Vec<usize> = (0..present.len()).filter(|m| present[*m][i]).collect();
        let mut stream = Stream::new(seed, "mixed", epoch, *cell as u64);
        if own.len() > 1 && stream.chance(EXCHANGED) {
            let m = pick(&mut stream, &own);
            let others: Vec<usize> = (0..cells.len()).filter(|j| *j != i && present[m][*j]).collect();
            exchanged[i] = (!others.is_empty()).then(|| (m, pick(&mut stream, &others)));
        }
        matched.push((own.len() > 1).then_some(exchanged[i].is_none()));
    }
    let from = |m: usize, cell: usize| match exchanged[cell] {
        Some((exchanged, other)) if exchanged == m => Some(other),
        _ => present[m][cell].then_some(cell),
    };
    Mixed { batch: shown.rearranged(from), matched }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cell c has the gene c + 1 in both modalities; the last one lacks the second.
    fn batch(n: usize) -> PackedBatch {
        let mut batch = PackedBatch::new(2);
        batch.cells = n;
        for cell in 0..n {
            let (id, count) = ([cell as u32 + 1; 20], [cell as f32 + 1.0; 20]);
            batch.modalities[0].push(&id, &count, 1.0);
            let last = if cell + 1 < n { 20 } else { 0 };
            batch.modalities[1].push(&id[..last], &count[..last], 1.0);
        }
        batch
    }

    #[test]
    fn some_values_are_hidden_and_their_genes_stay() {
        let cells: Vec<usize> = (0..50).collect();
        let shown = batch(50);
        let hid = masked(&shown, &cells, (1, 2));
        for m in 0..2 {
            assert_eq!(hid.batch.modalities[m].ids, shown.modalities[m].ids);
            let zeros = hid.batch.modalities[m].counts.iter().enumerate().filter(|(_, c)| **c == 0.0);
            let zeros: Vec<u32> = zeros.map(|(i, _)| i as u32).collect();
            assert_eq!(zeros, hid.tokens[m]);
            let share = zeros.len() as f64 / shown.modalities[m].ids.len() as f64;
            assert!((0.1..0.2).contains(&share), "{share}");
        }
        // what is hidden of a cell does not depend on its neighbours
        let alone = masked(&shown.rearranged(|_, _| Some(7)), &[7; 50], (1, 2));
        let of = |hid: &Masked, from: usize| {
            let range = hid.batch.modalities[0].tokens(from);
            hid.batch.modalities[0].counts[range].to_vec()
        };
        assert_eq!(of(&hid, 7), of(&alone, 0));
    }

    #[test]
    fn half_of_the_cells_with_two_modalities_get_one_of_another_cell() {
        let cells: Vec<usize> = (0..200).collect();
        let mixed = mixed(&batch(200), &cells, (1, 0));
        assert_eq!(mixed.matched[199], None, "one modality cannot be exchanged");
        let genes =
            |m: usize, cell: usize| mixed.batch.modalities[m].ids[mixed.batch.modalities[m].tokens(cell)][0];
        for cell in 0..199 {
            let together = genes(0, cell) == genes(1, cell);
            assert_eq!(mixed.matched[cell], Some(together), "cell {cell}");
        }
        let matched = mixed.matched.iter().filter(|m| **m == Some(true)).count();
        assert!((70..130).contains(&matched), "{matched}");
    }
}
