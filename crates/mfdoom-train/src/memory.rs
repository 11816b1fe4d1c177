//! What each modality said of every cell in earlier epochs: means that later epochs learn from.

use mfdoom_error::{Error, Result};
use mfdoom_model::Said;

/// Sums of what was said, by modality and cell; it takes `4 (width + 1)` bytes for each.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Classes or numbers that are spoken of.
    width: usize,
    /// `[modality][cell, width]`
    sums: Vec<Vec<f32>>,
    /// How many epochs said something, `[modality][cell]`.
    epochs: Vec<Vec<u32>>,
}

impl Memory {
    /// Makes an empty memory; of the width 0 for objectives that want none.
    pub fn new(modalities: usize, cells: usize, width: usize) -> Self {
        if width == 0 {
            return Self::default();
        }
        Self {
            width,
            sums: vec![vec![0.0; cells * width]; modalities],
            epochs: vec![vec![0; cells]; modalities],
        }
    }

    /// Adds what the modalities say of the cells of a batch.
    pub(crate) fn add(&mut self, batch: &[usize], said: &[Said]) {
        let k = self.width;
        for ((said, sums), epochs) in said.iter().zip(&mut self.sums).zip(&mut self.epochs) {
            for (at, values) in said.cells.iter().zip(said.values.chunks_exact(k.max(1))) {
                let cell = batch[*at as usize];
                sums[cell * k..(cell + 1) * k].iter_mut().zip(values).for_each(|(sum, x)| *sum += x);
                epochs[cell] += 1;
            }
        }
    }

    /// Returns the means over the epochs before, of the cells of a batch that have one.
    pub(crate) fn said(&self, batch: &[usize]) -> Vec<Said> {
        let k = self.width;
        let of = |(sums, epochs): (&Vec<f32>, &Vec<u32>)| {
            let mut said = Said::default();
            for (at, cell) in batch.iter().enumerate().filter(|(_, cell)| epochs[**cell] > 0) {
                let n = epochs[*cell] as f32;
                said.cells.push(at as u32);
                said.values.extend(sums[cell * k..(cell + 1) * k].iter().map(|sum| sum / n));
            }
            said
        };
        self.sums.iter().zip(&self.epochs).map(of).collect()
    }

    /// Returns everything as bytes, where there is a memory.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        let sums = self.sums.iter().flatten().map(|x| x.to_le_bytes());
        let epochs = self.epochs.iter().flatten().map(|n| n.to_le_bytes());
        (self.width > 0).then(|| sums.chain(epochs).flatten().collect())
    }

    /// Takes everything from the bytes of a memory of the same size.
    pub(crate) fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let words: Vec<[u8; 4]> = bytes.chunks_exact(4).filter_map(|word| word.try_into().ok()).collect();
        let sums: usize = self.sums.iter().map(Vec::len).sum();
        let epochs: usize = self.epochs.iter().map(Vec::len).sum();
        if words.len() != sums + epochs || !bytes.len().is_multiple_of(4) {
            return Err(Error::contract("the checkpoint remembers other cells, classes or numbers")
                .help("remove the folder of the checkpoint and train anew"));
        }
        let (first, second) = words.split_at(sums);
        self.sums.iter_mut().flatten().zip(first).for_each(|(x, word)| *x = f32::from_le_bytes(*word));
        self.epochs.iter_mut().flatten().zip(second).for_each(|(n, word)| *n = u32::from_le_bytes(*word));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_over_the_epochs_that_saw_a_cell_and_survive_as_bytes() {
        let mut memory = Memory::new(2, 3, 2);
        let say = |cells: &[u32], values: &[f32]| Said { cells: cells.to_vec(), values: values.to_vec() };
        memory.add(&[2, 0], &[say(&[0, 1], &[1.0, 0.0, 0.5, 0.5]), say(&[], &[])]);
        memory.add(&[0, 2], &[say(&[1], &[0.0, 1.0]), say(&[0], &[0.25, 0.75])]);
        let wanted = [say(&[0, 2], &[0.5, 0.5, 0.5, 0.5]), say(&[2], &[0.25, 0.75])];
        assert_eq!(memory.said(&[2, 1, 0]), wanted);
        let mut again = Memory::new(2, 3, 2);
        again.restore(&memory.bytes().unwrap()).unwrap();
        assert_eq!(again.said(&[2, 1, 0]), wanted);
        assert!(Memory::new(2, 4, 2).restore(&memory.bytes().unwrap()).is_err());
        assert!(Memory::new(2, 3, 0).bytes().is_none());
    }
}
