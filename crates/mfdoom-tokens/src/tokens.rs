//! Tokens of a block of cells.

use std::ops::Range;

use mfdoom_artifact::Column;
use mfdoom_error::Result;

/// Tokens of one modality of n cells, back to back.
///
/// A cell that was not measured in this modality has `present` false, no tokens and library size 0; a cell
/// that was measured and is empty has `present` true and no tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct ModalityTokens {
    /// Whether the modality was measured, [n].
    pub present: Vec<bool>,
    /// Total count over all genes of the input, [n].
    pub library_size: Vec<f64>,
    /// Where the tokens of each cell start, [n + 1].
    pub offsets: Vec<usize>,
    /// Token ids, at least 1, ascending within a cell.
    pub index: Vec<u32>,
    /// Raw counts, above 0, next to `index`.
    pub count: Vec<f32>,
}

impl Default for ModalityTokens {
    fn default() -> Self {
        Self {
            present: Vec::new(),
            library_size: Vec::new(),
            offsets: vec![0],
            index: Vec::new(),
            count: Vec::new(),
        }
    }
}

impl ModalityTokens {
    /// Returns `n` cells that were not measured.
    pub fn absent(n: usize) -> Self {
        Self {
            present: vec![false; n],
            library_size: vec![0.0; n],
            offsets: vec![0; n + 1],
            ..Self::default()
        }
    }

    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        self.present.len()
    }

    /// Returns whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.present.is_empty()
    }

    /// Returns ids and counts of a cell.
    pub fn cell(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.offsets[i]..self.offsets[i + 1];
        (&self.index[range.clone()], &self.count[range])
    }

    /// Appends a measured cell; `tokens` are (id, count) with ids ascending.
    pub fn push(&mut self, library_size: f64, tokens: impl IntoIterator<Item = (u32, f32)>) {
        for (id, count) in tokens {
            self.index.push(id);
            self.count.push(count);
        }
        self.present.push(true);
        self.library_size.push(library_size);
        self.offsets.push(self.index.len());
    }

    /// Appends a cell that was not measured.
    pub fn push_absent(&mut self) {
        self.present.push(false);
        self.library_size.push(0.0);
        self.offsets.push(self.index.len());
    }

    /// Appends cell `i` of `other`.
    pub fn push_from(&mut self, other: &Self, i: usize) {
        if !other.present[i] {
            return self.push_absent();
        }
        let (index, count) = other.cell(i);
        self.index.extend_from_slice(index);
        self.count.extend_from_slice(count);
        self.present.push(true);
        self.library_size.push(other.library_size[i]);
        self.offsets.push(self.index.len());
    }

    /// Returns the cells at `rows`, in that order.
    pub fn take(&self, rows: &[usize]) -> Self {
        let mut taken = Self::default();
        rows.iter().for_each(|&row| taken.push_from(self, row));
        taken
    }
}

/// Tokens of n cells in every modality of a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenBatch {
    /// Data set of each cell, [n].
    pub dataset: Vec<String>,
    /// Id of each cell within its data set, [n].
    pub cell_id: Vec<String>,
    /// Obs columns in the order of the schema, each [n].
    pub obs: Vec<Column>,
    /// Modalities in the order of the schema, each of n cells.
    pub modalities: Vec<ModalityTokens>,
}

impl TokenBatch {
    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        self.cell_id.len()
    }

    /// Returns whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.cell_id.is_empty()
    }

    /// Returns the cells at `rows`, in that order.
    pub fn take(&self, rows: &[usize]) -> Self {
        let pick = |names: &[String]| rows.iter().map(|&row| names[row].clone()).collect();
        Self {
            dataset: pick(&self.dataset),
            cell_id: pick(&self.cell_id),
            obs: self.obs.iter().map(|column| column.take(rows)).collect(),
            modalities: self.modalities.iter().map(|tokens| tokens.take(rows)).collect(),
        }
    }

    /// Appends the cells at `rows` of a batch of the same schema.
    ///
    /// # Errors
    /// Failed, when an obs column is of another type.
    pub fn append(&mut self, other: &Self, rows: Range<usize>) -> Result<()> {
        if self.is_empty() {
            *self = other.take(&rows.collect::<Vec<_>>());
            return Ok(());
        }
        self.dataset.extend_from_slice(&other.dataset[rows.clone()]);
        self.cell_id.extend_from_slice(&other.cell_id[rows.clone()]);
        let list: Vec<usize> = rows.collect();
        for (column, more) in self.obs.iter_mut().zip(&other.obs) {
            column.append(&more.take(&list))?;
        }
        for (tokens, more) in self.modalities.iter_mut().zip(&other.modalities) {
            list.iter().for_each(|&row| tokens.push_from(more, row));
        }
        Ok(())
    }
}
