//! Cells in the closed-form model, as a network that is trained on top of it sees them.
//!
//! Training cells are embedded by a fit that they took no part in: a form explains the cells that it was fitted to so
//! well that a network would only learn to copy it. All other cells are embedded by the whole fit.

use mfdoom_anchor::{Anchor, CrossFit, Encoder, cross_fit};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, Metric, knn_between};
use mfdoom_model::{PackedBatch, Targets, profile, profile_constants};
use mfdoom_nn::Stream;

use crate::anchor::{AnchorOptions, counts, fitted_rows, panels};
use crate::data::TrainingCells;

/// Folds of the cross-fit.
const FOLDS: u64 = 5;
/// Training cells whose mean is where a cell should point.
const NEIGHBOURS: usize = 15;
/// Share of a profile's coordinates that is hidden in training.
const DROPOUT: f64 = 0.1;

/// Coordinates of all cells, from every modality alone and from all of them.
#[derive(Clone, Debug)]
pub struct Coordinates {
    /// Number of factors, d.
    dim: usize,
    /// From each modality alone, `[cells, 2 d]`.
    single: Vec<Vec<f32>>,
    /// Whether a cell has them.
    present: Vec<Vec<bool>>,
    /// Where the nearest training cells of each cell are, `[cells, d]`.
    targets: Targets,
    /// What the closed form says of that, `[cells, d]`: its second half from all modalities, and from each alone.
    smooth: Vec<Vec<f32>>,
}

/// Cells of a batch as the network sees them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShownCells<'a> {
    pub batch: &'a [usize],
    /// Whether each cell shows each modality.
    pub shown: &'a [Vec<bool>],
    /// Seed and epoch of what is hidden; none in inference.
    pub draw: Option<(u64, u64)>,
}

impl Coordinates {
    /// Embeds all cells by an anchor. Where it was fitted to the training cells with the given options, these are
    /// embedded by fits to the others of them.
    ///
    /// # Errors
    /// Failed where a fit fails.
    pub fn new(
        cells: &TrainingCells,
        training: &[usize],
        (anchor, options): (&Anchor, Option<&AnchorOptions>),
        seed: u64,
    ) -> Result<Self> {
        let failed = |e: mfdoom_anchor::Error| Error::failed("the closed form, cross-fitted").source(e);
        let (n, d) = (cells.modalities.len(), anchor.dim);
        let subsets: Vec<Vec<bool>> =
            (0..=n).map(|k| (0..n).map(|m| k == 0 || k == m + 1).collect()).collect();
        let view = counts(cells);
        let panels = panels(cells);
        let fold = |cell: &usize| Stream::new(seed, "fold", 0, *cell as u64).below(FOLDS) as usize;
        let mut crossed = Vec::new();
        let rows = options.map_or(Vec::new(), |options| fitted_rows(cells, training, options));
        if let Some(options) = options {
            let folds: Vec<usize> = rows.iter().map(fold).collect();
            let settings = &options.settings;
            let folds = CrossFit { cells: &view, panels: &panels, rows: &rows, fold: &folds, settings };
            crossed = cross_fit(&folds, anchor, &subsets).map_err(failed)?;
        }
        let everyone: Vec<usize> = (0..cells.len()).collect();
        let mut encoder = Encoder::new(anchor, panels);
        let mut means = Vec::new();
        let mut present = Vec::new();
        for (k, subset) in subsets.iter().enumerate() {
            let mut whole = encoder.embed(&view, &everyone, subset);
            for (i, cell) in rows.iter().enumerate() {
                let crossed = &crossed[k];
                let own = &crossed.means[2 * d * i..2 * d * (i + 1)];
                whole.means[2 * d * cell..2 * d * (cell + 1)].copy_from_slice(own);
                whole.present[*cell] = crossed.present[i];
            }
            means.push(whole.means.into_iter().map(|x| x as f32).collect::<Vec<f32>>());
            present.push(whole.present);
        }
        let targets = targets(&means[0], &present[0], training, d)?;
        let smooth = means.iter().map(|all| half(all, d, 1)).collect();
        Ok(Self { dim: d, single: means.split_off(1), present: present.split_off(1), targets, smooth })
    }

    /// Number of factors.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Appends the profiles of a batch's cells in the modalities that each shows.
    pub(crate) fn profiles(&self, cells: &TrainingCells, packed: &mut PackedBatch, shown: &ShownCells<'_>) {
        let ShownCells { batch, shown, draw } = *shown;
        for (cell, shown) in batch.iter().zip(shown) {
            for (m, to) in packed.modalities.iter_mut().enumerate() {
                let vector =
                    (shown[m] && self.present[m][*cell]).then(|| self.profile(cells, *cell, m, draw));
                to.profiles.push(vector.as_deref());
            }
        }
    }

    fn profile(&self, cells: &TrainingCells, cell: usize, m: usize, draw: Option<(u64, u64)>) -> Vec<f32> {
        let (width, tokens) = (2 * self.dim, cells.tokens(m));
        let mut stream =
            draw.map(|(seed, epoch)| Stream::new(seed, &format!("profile {m}"), epoch, cell as u64));
        let kept = 1.0 / (1.0 - DROPOUT) as f32;
        let mut shown = |x: f32| match &mut stream {
            None => x,
            Some(stream) => x * if stream.chance(DROPOUT) { 0.0 } else { kept },
        };
        let own = self.single[m][cell * width..(cell + 1) * width].iter().map(|x| shown(*x));
        profile(own, tokens.library_size[cell], tokens.cell(cell).0.len())
    }

    /// Returns mean and deviation of the profiles of the training cells in every modality, under the names that they
    /// have as parameters.
    pub fn constants(&self, cells: &TrainingCells, training: &[usize]) -> Vec<(String, Vec<f32>)> {
        let mut constants = Vec::new();
        for (m, name) in cells.modalities.iter().enumerate() {
            let there = training.iter().filter(|cell| self.present[m][**cell]);
            let profiles: Vec<Vec<f32>> = there.map(|cell| self.profile(cells, *cell, m, None)).collect();
            constants.extend(profile_constants(name).into_iter().zip(moments(&profiles, 2 * self.dim + 2)));
        }
        constants
    }

    /// Returns where the nearest training cells of a batch's cells are.
    pub(crate) fn targets(&self, batch: &[usize]) -> Targets {
        let row = |cell: &usize| self.targets.directions[cell * self.dim..][..self.dim].iter().copied();
        Targets {
            directions: batch.iter().flat_map(row).collect(),
            known: batch.iter().map(|cell| self.targets.known[*cell]).collect(),
        }
    }

    /// Returns what the closed form says of that for a cell, from all modalities (`None`) or one of them.
    pub(crate) fn smooth(&self, cell: usize, from: Option<usize>) -> &[f32] {
        &self.smooth[from.map_or(0, |m| m + 1)][cell * self.dim..][..self.dim]
    }
}

/// Returns one half of coordinates `[n, 2 d]` at unit length, `[n, d]`.
fn half(coordinates: &[f32], d: usize, which: usize) -> Vec<f32> {
    let mut half: Vec<f32> = coordinates
        .chunks_exact(2 * d)
        .flat_map(|row| row[which * d..(which + 1) * d].iter().copied())
        .collect();
    half.chunks_exact_mut(d).for_each(to_unit);
    half
}

fn to_unit(row: &mut [f32]) {
    let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        row.iter_mut().for_each(|x| *x /= length);
    }
}

/// Returns the mean of the joint coordinates over each cell's nearest training cells, itself left out.
fn targets(joint: &[f32], present: &[bool], training: &[usize], d: usize) -> Result<Targets> {
    let failed = |e: mfdoom_matrix::Error| Error::failed("neighbours in the closed form").source(e);
    let units = half(joint, d, 0);
    let known: Vec<usize> = training.iter().copied().filter(|cell| present[*cell]).collect();
    let rows = |cells: &[usize]| {
        let values = cells.iter().flat_map(|cell| units[cell * d..(cell + 1) * d].iter().copied()).collect();
        Matrix::new(values, cells.len(), d).map_err(failed)
    };
    let everyone: Vec<usize> = (0..present.len()).collect();
    let k = (NEIGHBOURS + 1).min(known.len());
    let nearest = knn_between(&rows(&everyone)?, &rows(&known)?, k, Metric::Cosine).map_err(failed)?;
    let mut directions = vec![0f32; present.len() * d];
    for (cell, to) in directions.chunks_exact_mut(d).enumerate() {
        let others = nearest.indices(cell).iter().map(|i| known[*i as usize]).filter(|other| *other != cell);
        for other in others.take(NEIGHBOURS) {
            to.iter_mut().zip(&units[other * d..]).for_each(|(x, y)| *x += y);
        }
        to_unit(to);
    }
    Ok(Targets { directions, known: present.to_vec() })
}

/// Returns mean and deviation of each number of some rows.
fn moments(rows: &[Vec<f32>], width: usize) -> [Vec<f32>; 2] {
    let n = rows.len().max(1) as f64;
    let mean_of = |k: usize| rows.iter().map(|row| f64::from(row[k])).sum::<f64>() / n;
    let means: Vec<f64> = (0..width).map(mean_of).collect();
    let variance = |k: usize| rows.iter().map(|row| (f64::from(row[k]) - means[k]).powi(2)).sum::<f64>() / n;
    let deviations = (0..width).map(|k| variance(k).sqrt().max(1e-3) as f32).collect();
    [means.iter().map(|x| *x as f32).collect(), deviations]
}
