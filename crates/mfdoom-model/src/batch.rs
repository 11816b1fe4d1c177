//! Cells of a mini-batch, packed: all tokens of a modality behind one another, with cumulative lengths.

use std::ops::Range;

use crate::config::{ModelConfig, ValueTransform};

/// Tokens of some cells, one entry per modality of the model, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PackedBatch {
    /// Number of cells.
    pub cells: usize,
    /// Tokens by modality.
    pub modalities: Vec<PackedModality>,
}

/// The tokens that a cell shows of a modality.
#[derive(Clone, Debug, Default)]
pub struct Shown<'a> {
    /// Vocabulary ids of the cell, ascending.
    pub ids: &'a [u32],
    /// Raw counts next to them.
    pub counts: &'a [f32],
    /// Which of them are shown, ascending; all where it is none.
    pub rows: Option<Vec<usize>>,
    /// Total count of the cell over all genes of its input.
    pub library_size: f32,
}

/// Tokens of one modality.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedModality {
    /// Vocabulary ids, 1 and up, cell behind cell.
    pub ids: Vec<u32>,
    /// Raw count of each token.
    pub counts: Vec<f32>,
    /// Cell c has the tokens `offsets[c]..offsets[c + 1]`; none where the modality is missing.
    pub offsets: Vec<usize>,
    /// Total count of each cell over all genes of its input.
    pub library_size: Vec<f32>,
    /// What is known of each cell as a whole, for models with profile tokens.
    pub profiles: Profiles,
}

/// Vectors of cells in a modality: coordinates, library size and number of genes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profiles {
    /// Length of a vector; 0 before the first one.
    pub width: usize,
    /// The vectors of the cells that have one, back to back.
    pub values: Vec<f32>,
    /// Cell c has vector `rows[c]`; none where the modality is missing. Empty for models without profile tokens.
    pub rows: Vec<Option<u32>>,
}

impl Profiles {
    /// Appends the vector of a cell, or that it has none.
    pub fn push(&mut self, vector: Option<&[f32]>) {
        let row = self.count() as u32;
        self.rows.push(vector.map(|_| row));
        if let Some(vector) = vector {
            self.width = vector.len();
            self.values.extend_from_slice(vector);
        }
    }

    /// Number of cells that have a vector.
    pub fn count(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Whether a cell has a vector.
    pub fn has(&self, cell: usize) -> bool {
        self.rows.get(cell).is_some_and(Option::is_some)
    }

    /// Returns the vector of a cell.
    pub fn get(&self, cell: usize) -> Option<&[f32]> {
        let row = self.rows.get(cell).copied().flatten()? as usize;
        self.values.get(row * self.width..(row + 1) * self.width)
    }
}

impl Default for PackedModality {
    fn default() -> Self {
        Self {
            ids: Vec::new(),
            counts: Vec::new(),
            offsets: vec![0],
            library_size: Vec::new(),
            profiles: Profiles::default(),
        }
    }
}

impl PackedModality {
    /// Appends a cell; a missing modality is a cell without tokens.
    pub fn push(&mut self, ids: &[u32], counts: &[f32], library_size: f32) {
        self.ids.extend_from_slice(ids);
        self.counts.extend_from_slice(counts);
        self.offsets.push(self.ids.len());
        self.library_size.push(library_size);
    }

    /// Appends a cell by what it shows.
    pub fn show(&mut self, shown: &Shown<'_>) {
        let Some(rows) = &shown.rows else {
            return self.push(shown.ids, shown.counts, shown.library_size);
        };
        self.ids.extend(rows.iter().map(|row| shown.ids[*row]));
        self.counts.extend(rows.iter().map(|row| shown.counts[*row]));
        self.offsets.push(self.ids.len());
        self.library_size.push(shown.library_size);
    }

    /// Returns the tokens of a cell.
    pub fn tokens(&self, cell: usize) -> Range<usize> {
        self.offsets[cell]..self.offsets[cell + 1]
    }

    /// Whether a cell has a token or a profile.
    pub fn is_present(&self, cell: usize) -> bool {
        !self.tokens(cell).is_empty() || self.profiles.has(cell)
    }

    /// Returns the input of the value encoder for each token.
    pub fn values(&self, config: &ModelConfig) -> Vec<f32> {
        let max = config.max_value as f32;
        let clamped = self.counts.iter().map(|c| c.min(max));
        match config.value_transform {
            ValueTransform::Raw => clamped.collect(),
            ValueTransform::Log1p => clamped.map(f32::ln_1p).collect(),
            ValueTransform::LogNormalized => {
                let sizes = (0..self.library_size.len())
                    .flat_map(|c| self.tokens(c).map(move |_| self.library_size[c].max(1.0)));
                clamped.zip(sizes).map(|(count, size)| (1e4 * count / size).ln_1p()).collect()
            }
        }
    }
}

impl PackedBatch {
    /// Returns an empty batch of `modalities` modalities.
    pub fn new(modalities: usize) -> Self {
        Self { cells: 0, modalities: vec![PackedModality::default(); modalities] }
    }

    /// Appends a cell by what it shows of each modality.
    pub fn push_cell<'a>(&mut self, mut shown: impl FnMut(usize) -> Shown<'a>) {
        self.modalities.iter_mut().enumerate().for_each(|(m, to)| to.show(&shown(m)));
        self.cells += 1;
    }

    /// Number of tokens of all modalities.
    pub fn tokens(&self) -> usize {
        self.modalities.iter().map(|m| m.ids.len()).sum()
    }

    /// Returns, by modality and cell, whether the cell has a token of it.
    pub fn present(&self) -> Vec<Vec<bool>> {
        self.modalities.iter().map(|m| (0..self.cells).map(|c| m.is_present(c)).collect()).collect()
    }

    /// Returns the batch without the modalities for which `keep(modality, cell)` is false.
    pub fn restrict(&self, keep: impl Fn(usize, usize) -> bool) -> Self {
        self.rearranged(|m, cell| keep(m, cell).then_some(cell))
    }

    /// Returns the batch in which each cell has those tokens of a modality that the cell `from(modality, cell)` has, or
    /// none.
    pub fn rearranged(&self, from: impl Fn(usize, usize) -> Option<usize>) -> Self {
        let mut out = Self::new(self.modalities.len());
        out.cells = self.cells;
        for (m, (old, to)) in self.modalities.iter().zip(&mut out.modalities).enumerate() {
            for cell in 0..self.cells {
                let source = from(m, cell);
                let tokens = source.map_or(0..0, |source| old.tokens(source));
                let size = old.library_size[source.unwrap_or(cell)];
                to.push(&old.ids[tokens.clone()], &old.counts[tokens], size);
                if !old.profiles.rows.is_empty() {
                    to.profiles.push(source.and_then(|source| old.profiles.get(source)));
                }
            }
        }
        out
    }
}

/// Returns the places of the `max` highest counts, the first of equals, in ascending order; none where there are no
/// more than that.
///
/// ```
/// assert_eq!(mfdoom_model::highest(&[1.0, 4.0, 1.0, 2.0], 3), Some(vec![0, 1, 3]));
/// assert_eq!(mfdoom_model::highest(&[1.0, 4.0], 3), None);
/// ```
pub fn highest(counts: &[f32], max: usize) -> Option<Vec<usize>> {
    if counts.len() <= max {
        return None;
    }
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by(|a, b| counts[*b].total_cmp(&counts[*a]).then(a.cmp(b)));
    order.truncate(max);
    order.sort_unstable();
    Some(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    fn modality() -> PackedModality {
        let mut m = PackedModality::default();
        m.push(&[3, 7], &[1.0, 20.0], 100.0);
        m.push(&[], &[], 0.0);
        m
    }

    #[test]
    fn transforms_clamp_the_raw_count_first() {
        let mut config = ModelConfig::preset(Preset::Tiny, vec!["a".into()], 9);
        config.max_value = 10.0;
        config.value_transform = ValueTransform::Raw;
        assert_eq!(modality().values(&config), [1.0, 10.0]);
        config.value_transform = ValueTransform::Log1p;
        assert_eq!(modality().values(&config), [2f32.ln(), 11f32.ln()]);
        config.value_transform = ValueTransform::LogNormalized;
        assert_eq!(modality().values(&config), [101f32.ln(), 1001f32.ln()]);
    }

    #[test]
    fn a_long_cell_keeps_its_highest_counts_whatever_the_gene_order() {
        assert_eq!(highest(&[3.0, 9.0, 3.0, 1.0, 3.0], 3), Some(vec![0, 1, 2]));
        let mut batch = PackedBatch::new(1);
        let (ids, counts) = (&[2, 5, 7, 9][..], &[1.0, 4.0, 1.0, 2.0][..]);
        batch.push_cell(|_| Shown { ids, counts, rows: highest(counts, 3), library_size: 8.0 });
        let packed = &batch.modalities[0];
        assert_eq!((packed.ids.as_slice(), packed.counts.as_slice()), (&[2, 5, 9][..], &[1.0, 4.0, 2.0][..]));
    }

    #[test]
    fn restricting_drops_tokens_and_keeps_cells() {
        let batch = PackedBatch { cells: 2, modalities: vec![modality(), modality()] };
        let one = batch.restrict(|m, _| m == 1);
        assert_eq!((one.cells, one.tokens()), (2, 2));
        assert_eq!(one.present(), [[false, false], [true, false]]);
    }
}
