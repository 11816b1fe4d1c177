//! Cells in the closed-form model, as a network that is trained on top of it sees them.
//!
//! Training cells are embedded by a fit that they took no part in: a form explains the cells that it was fitted to so
//! well that a network would only learn to copy it. All other cells are embedded by the whole fit.

use mfdoom_anchor::{Anchor, Encoder, cross_fit};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, Metric, knn_between};
use mfdoom_model::{PackedBatch, Targets};
use mfdoom_nn::Stream;

use crate::anchor::{AnchorOptions, counts, fitted_rows, panels};
use crate::data::Cells;

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
    /// Mean and deviation over the training cells of the logarithms of library size and number of genes.
    sizes: Vec<[[f32; 2]; 2]>,
    /// Where the nearest training cells of each cell are, `[cells, d]`.
    targets: Targets,
    /// What the closed form says of that, `[cells, d]`: its second half from all modalities, and from each alone.
    smooth: Vec<Vec<f32>>,
}

impl Coordinates {
    /// Embeds all cells by an anchor that was fitted to the training cells with these options.
    ///
    /// # Errors
    /// Failed where a fit fails.
    pub fn new(
        cells: &Cells,
        training: &[usize],
        (anchor, options): (&Anchor, &AnchorOptions),
        seed: u64,
    ) -> Result<Self> {
        let failed = |e: mfdoom_anchor::Error| Error::failed("the closed form, cross-fitted").source(e);
        let (n, d) = (cells.modalities.len(), anchor.dim);
        let subsets: Vec<Vec<bool>> =
            (0..=n).map(|k| (0..n).map(|m| k == 0 || k == m + 1).collect()).collect();
        let view = counts(cells);
        let rows = fitted_rows(cells, training, options);
        let panels = panels(cells);
        let fold = |cell: &usize| Stream::new(seed, "fold", 0, *cell as u64).below(FOLDS) as usize;
        let folds: Vec<usize> = rows.iter().map(fold).collect();
        let crossed = cross_fit((&view, &panels), &rows, &folds, anchor, (&options.settings, &subsets))
            .map_err(failed)?;
        let everyone: Vec<usize> = (0..cells.len()).collect();
        let mut encoder = Encoder::new(anchor, panels);
        let mut means = Vec::new();
        let mut present = Vec::new();
        for (subset, crossed) in subsets.iter().zip(crossed) {
            let mut whole = encoder.embed(&view, &everyone, subset);
            for (i, cell) in rows.iter().enumerate() {
                let own = &crossed.means[2 * d * i..2 * d * (i + 1)];
                whole.means[2 * d * cell..2 * d * (cell + 1)].copy_from_slice(own);
                whole.present[*cell] = crossed.present[i];
            }
            means.push(whole.means.into_iter().map(|x| x as f32).collect::<Vec<f32>>());
            present.push(whole.present);
        }
        let targets = targets(&means[0], &present[0], training, d)?;
        let smooth = means.iter().map(|all| half(all, d, 1)).collect();
        let sizes = (0..n).map(|m| sizes(cells, training, m)).collect();
        Ok(Self { dim: d, single: means.split_off(1), present: present.split_off(1), sizes, targets, smooth })
    }

    /// Number of factors.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Appends the profiles of a batch's cells in the modalities that each shows; `epoch` is none in inference, where
    /// nothing is hidden.
    pub(crate) fn profiles(
        &self,
        cells: &Cells,
        packed: &mut PackedBatch,
        (batch, shown, draw): (&[usize], &[Vec<bool>], Option<(u64, u64)>),
    ) {
        for (cell, shown) in batch.iter().zip(shown) {
            for (m, to) in packed.modalities.iter_mut().enumerate() {
                let vector =
                    (shown[m] && self.present[m][*cell]).then(|| self.profile(cells, *cell, m, draw));
                to.profiles.push(vector.as_deref());
            }
        }
    }

    /// Coordinates scaled to a mean square of 1, then the standardised sizes.
    fn profile(&self, cells: &Cells, cell: usize, m: usize, draw: Option<(u64, u64)>) -> Vec<f32> {
        let width = 2 * self.dim;
        let scale = (width as f32).sqrt();
        let mut vector: Vec<f32> =
            self.single[m][cell * width..(cell + 1) * width].iter().map(|x| x * scale).collect();
        vector.extend(standardised(logs(cells, cell, m), &self.sizes[m]));
        if let Some((seed, epoch)) = draw {
            let mut stream = Stream::new(seed, &format!("profile {m}"), epoch, cell as u64);
            let kept = 1.0 / (1.0 - DROPOUT) as f32;
            for x in &mut vector {
                *x *= if stream.chance(DROPOUT) { 0.0 } else { kept };
            }
        }
        vector
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

/// Logarithms of the library size and of the number of genes.
fn logs(cells: &Cells, cell: usize, m: usize) -> [f32; 2] {
    let tokens = cells.tokens(m);
    [(tokens.library_size[cell] as f32).ln_1p(), (tokens.cell(cell).0.len() as f32).ln_1p()]
}

fn standardised(values: [f32; 2], [mean, deviation]: &[[f32; 2]; 2]) -> [f32; 2] {
    std::array::from_fn(|k| (values[k] - mean[k]) / deviation[k])
}

/// Mean and deviation of [`logs`] over the training cells that have a modality.
fn sizes(cells: &Cells, training: &[usize], m: usize) -> [[f32; 2]; 2] {
    let there: Vec<[f32; 2]> =
        training.iter().filter(|c| cells.tokens(m).present[**c]).map(|c| logs(cells, *c, m)).collect();
    let n = there.len().max(1) as f64;
    let mean: [f64; 2] = std::array::from_fn(|k| there.iter().map(|x| f64::from(x[k])).sum::<f64>() / n);
    let deviation: [f64; 2] = std::array::from_fn(|k| {
        let square = there.iter().map(|x| (f64::from(x[k]) - mean[k]).powi(2)).sum::<f64>() / n;
        square.sqrt().max(1e-3)
    });
    [mean.map(|x| x as f32), deviation.map(|x| x as f32)]
}
