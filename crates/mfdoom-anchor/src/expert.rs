//! What a modality tells of the factors, for all cells of a panel at once.

use std::sync::Arc;

use crate::anchor::Part;
use crate::cells::Block;
use crate::square::{add_outer, add_scaled, inverse};
use crate::transform::Depth;

/// A modality with what its cells need, the same for every panel.
#[derive(Clone, Debug)]
pub(crate) struct Speaker {
    /// Row of each feature id, `u32::MAX` for those that the model does not know.
    pub rows: Arc<[u32]>,
    /// `w / (psi s)`, `[f, d]`.
    pub pull: Vec<f64>,
}

/// The terms that all cells of a panel share.
#[derive(Clone, Debug)]
pub(crate) struct Expert {
    /// Measured features.
    pub measured: usize,
    /// `sum w w' / psi`, `[d, d]`.
    pub precision: Vec<f64>,
    /// `sum w / (psi s)`, `[d]`.
    pub pull: Vec<f64>,
    /// `sum mu w / (psi s)`, `[d]`.
    pub mean: Vec<f64>,
}

/// Returns the row of each feature id.
pub(crate) fn rows_of(features: &[u32]) -> Arc<[u32]> {
    let mut rows = vec![u32::MAX; features.last().map_or(0, |last| *last as usize + 1)];
    features.iter().zip(0u32..).for_each(|(feature, row)| rows[*feature as usize] = row);
    rows.into()
}

/// Returns which of the ascending `features` stand in a panel.
pub(crate) fn measured(features: &[u32], panel: Option<&[u32]>) -> Vec<bool> {
    let in_panel = |feature: &u32| panel.is_none_or(|panel| panel.binary_search(feature).is_ok());
    features.iter().map(in_panel).collect()
}

impl Speaker {
    pub fn new(part: &Part, rows: Arc<[u32]>, d: usize) -> Self {
        let mut pull = part.loadings.clone();
        for ((w, psi), s) in pull.chunks_exact_mut(d).zip(&part.noise).zip(&part.deviation) {
            w.iter_mut().for_each(|w| *w /= psi * s);
        }
        Self { rows, pull }
    }

    /// Returns what the modality tells in a panel that measured some of its features.
    pub fn expert(&self, part: &Part, measured: &[bool], d: usize) -> Expert {
        let mut expert = Expert {
            measured: measured.iter().filter(|m| **m).count(),
            precision: vec![0.0; d * d],
            pull: vec![0.0; d],
            mean: vec![0.0; d],
        };
        for g in (0..measured.len()).filter(|g| measured[*g]) {
            let pull = &self.pull[g * d..(g + 1) * d];
            add_outer(&mut expert.precision, &part.loadings[g * d..(g + 1) * d], 1.0 / part.noise[g]);
            add_scaled(&mut expert.pull, pull, 1.0);
            add_scaled(&mut expert.mean, pull, part.mean[g]);
        }
        expert
    }
}

/// Returns the covariance of a posterior that some experts speak for, `[d, d]`.
pub(crate) fn covariance<'a>(experts: impl Iterator<Item = &'a Expert>, d: usize) -> Vec<f64> {
    let mut precision = vec![0.0; d * d];
    (0..d).for_each(|k| precision[k * d + k] = 1.0);
    experts.for_each(|expert| add_scaled(&mut precision, &expert.precision, 1.0));
    // A sum of squares and the identity is positive definite as long as it is finite.
    inverse(&precision, d).unwrap_or_else(|| vec![f64::NAN; d * d])
}

/// Values of one cell in one modality: rows of the model's features and what stands there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    /// Rows of the features that have a count.
    pub rows: Vec<usize>,
    /// Their values.
    pub values: Vec<f64>,
    /// What to subtract from every feature.
    pub offset: f64,
}

impl Values {
    /// Reads a cell; features that the model does not know are left out.
    pub fn read(&mut self, part: &Part, rows: &[u32], block: &Block<'_>, at: (usize, usize)) {
        let (cell, measured) = at;
        let (features, counts) = block.cell(cell);
        let row = |feature: &u32| rows.get(*feature as usize).copied().filter(|row| *row != u32::MAX);
        self.rows.clear();
        self.rows.extend(features.iter().filter_map(row).map(|row| row as usize));
        let rarity = |row: u32| part.rarity.get(row as usize).copied().unwrap_or(1.0);
        let count = |(feature, count): (&u32, &f32)| Some(f64::from(*count) * rarity(row(feature)?));
        let known = features.iter().zip(counts).filter_map(count);
        let depth = Depth { total: block.total[cell], scale: part.scale, measured };
        self.offset = part.transform.apply(depth, known, &mut self.values);
    }

    /// Adds what the cell says to `sum`, `[d]`: `sum over g of (x_g - offset - mu_g) w_g / (psi_g s_g)`.
    pub fn speak(&self, speaker: &Speaker, expert: &Expert, sum: &mut [f64]) {
        let d = sum.len();
        for (row, value) in self.rows.iter().zip(&self.values) {
            add_scaled(sum, &speaker.pull[row * d..(row + 1) * d], *value);
        }
        add_scaled(sum, &expert.pull, -self.offset);
        add_scaled(sum, &expert.mean, -1.0);
    }
}
