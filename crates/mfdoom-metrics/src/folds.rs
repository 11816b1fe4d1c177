//! Seeded, stratified folds.

use mfdoom_matrix::error::{Result, at_least};
use mfdoom_matrix::random::{Purpose, generator};
use rand::seq::SliceRandom;

/// Which fold each row is tested in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    of_row: Vec<usize>,
    n: usize,
}

impl Folds {
    /// Returns folds given for each row, numbered from 0.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape), when a fold is not below `n`.
    pub fn new(of_row: Vec<usize>, n: usize) -> Result<Self> {
        let largest = of_row.iter().max().map_or(0, |fold| fold + 1);
        if largest > n {
            return Err(crate::Error::Shape { what: "folds", found: largest, wanted: n });
        }
        Ok(Self { of_row, n })
    }

    /// Returns the number of folds.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Returns whether there are no folds.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Returns the fold of each row.
    pub fn of_row(&self) -> &[usize] {
        &self.of_row
    }

    /// Returns the rows outside and inside a fold, each ascending: train and test.
    pub fn split(&self, fold: usize) -> (Vec<usize>, Vec<usize>) {
        (0..self.of_row.len()).partition(|&row| self.of_row[row] != fold)
    }
}

/// Deals the rows of each label to `n` folds in a random order.
///
/// Sizes differ by at most one, over all and per label; a label with fewer rows than folds is in as many
/// folds as it has rows.
///
/// # Errors
/// [`Error::TooFew`](crate::Error::TooFew): fewer than two folds, or fewer rows than folds.
pub fn stratified_folds(labels: &[u32], n: usize, seed: u64) -> Result<Folds> {
    at_least("folds", n, 2)?;
    at_least("cells", labels.len(), n)?;
    let mut rows: Vec<usize> = (0..labels.len()).collect();
    rows.shuffle(&mut generator(seed, Purpose::Folds));
    rows.sort_by_key(|&row| labels[row]);
    let mut of_row = vec![0; labels.len()];
    // Dealing on where the label before ended keeps the folds level.
    rows.iter().enumerate().for_each(|(turn, &row)| of_row[row] = turn % n);
    Ok(Folds { of_row, n })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_is_spread_evenly() {
        let labels: Vec<u32> = (0..103).map(|row| u32::from(row % 10 == 0) + u32::from(row == 50)).collect();
        let folds = stratified_folds(&labels, 5, 3).unwrap();
        for label in 0..3 {
            let mut counts = [0usize; 5];
            for (row, &fold) in folds.of_row().iter().enumerate() {
                counts[fold] += usize::from(labels[row] == label);
            }
            assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{label}: {counts:?}");
        }
        let sizes: Vec<usize> = (0..5).map(|fold| folds.split(fold).1.len()).collect();
        assert!(sizes.iter().all(|&size| size == 20 || size == 21), "{sizes:?}");
    }

    #[test]
    fn the_seed_decides() {
        let labels = vec![0; 50];
        assert_eq!(stratified_folds(&labels, 5, 1), stratified_folds(&labels, 5, 1));
        assert_ne!(stratified_folds(&labels, 5, 1), stratified_folds(&labels, 5, 2));
        assert!(stratified_folds(&labels, 1, 1).is_err());
        assert!(stratified_folds(&labels[..3], 5, 1).is_err());
    }
}
