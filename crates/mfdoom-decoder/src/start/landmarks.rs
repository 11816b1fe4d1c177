//! How far off a prediction may be, and which cells are unlike all that the decoder learned from.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, Metric, Ridge, knn};
use mfdoom_model::TensorResult;
use mfdoom_nn::ParameterStore;

use super::regression::Fit;
use super::{Starter, Units, leaf, matrix, set, spread_rows};
use crate::profile_path::ProfilePath;
use crate::train::{DecoderViews, View};

/// Share of the training cells that are nearer to a landmark than the reach.
const WITHIN: f64 = 0.995;
/// Least reach, where images have a mean square length of 1.
const LEAST_REACH: f64 = 1e-3;
/// Least root mean square residual that a logarithm is taken of, in standard deviations.
const LEAST: f64 = 1e-3;

impl Starter<'_> {
    /// Keeps some training cells, and sets the reach: the distance to the nearest of them that few training cells
    /// exceed, each of those kept being compared with the others, and the same of what the components leave of a cell.
    pub(super) fn landmarks(
        &self,
        store: &ParameterStore,
        path: &ProfilePath,
        modality: &str,
        rows: &[usize],
    ) -> Result<()> {
        let failed = |e| Error::failed("distances of training cells").source(e);
        let (images, mut residuals) = self.images(path, modality, rows)?;
        let n = store.get(&leaf(modality, "landmarks")).and_then(|kept| kept.dim(0)).or_failed()?;
        let kept = images.select_rows(&spread_rows(images.n_rows(), n));
        let near = knn(&kept, 1, Metric::Euclidean).map_err(failed)?;
        let mut distances: Vec<f64> =
            (0..kept.n_rows()).map(|row| f64::from(near.distances(row)[0])).collect();
        let reach = [&mut distances, &mut residuals].map(|of| {
            of.sort_by(f64::total_cmp);
            of[((of.len() as f64 * WITHIN) as usize).min(of.len() - 1)].max(LEAST_REACH) as f32
        });
        let mut all = kept.data().to_vec();
        let width = kept.n_cols();
        let missing = n - kept.n_rows();
        all.extend(kept.row(0).iter().copied().cycle().take(missing * width));
        set(store, &leaf(modality, "landmarks"), all)?;
        set(store, &leaf(modality, "reach"), reach.to_vec())
    }

    /// Fits the logarithm of a cell's root mean square error to its features, from what every cell's error is when it
    /// takes no part in the regression.
    pub(super) fn errors(
        &self,
        store: &ParameterStore,
        modality: &str,
        fit: &Fit,
        units: &Units,
    ) -> Result<()> {
        let scale = units.scale.iter().sum::<f64>() / units.scale.len().max(1) as f64;
        let rows: Vec<usize> = (0..fit.errors.len()).filter(|row| fit.errors[*row].is_finite()).collect();
        let logs = rows.iter().map(|row| fit.errors[*row].max(LEAST).ln() as f32).collect();
        let logs = matrix(logs, rows.len(), 1)?;
        let map = Ridge::fit(&fit.inputs.select_rows(&rows), &logs, fit.penalties[0])
            .map_err(|e| Error::failed("the errors of training cells").source(e))?;
        set(store, &leaf(modality, "error.map"), map.weights.iter().map(|w| *w as f32).collect())?;
        set(store, &leaf(modality, "error.level"), vec![(map.intercept[0] + scale.ln()) as f32])
    }

    /// Returns what the random layer of a modality sees of cells, `[cells, components]`, and the length of the rest of each.
    fn images(&self, path: &ProfilePath, modality: &str, rows: &[usize]) -> Result<(Matrix, Vec<f64>)> {
        let number = self.cells.modalities.iter().position(|m| m == modality).unwrap_or_default();
        let views = DecoderViews::plain(self.cells.modalities.iter().map(|m| m == modality).collect());
        let (mut data, mut residuals, mut width) = (Vec::new(), Vec::new(), 0);
        for batch in rows.chunks(256) {
            let profile = views.profile(self.cells, path, batch, View::validation(None));
            if let Some(images) = path.images(&profile, number).or_failed()? {
                width = images.dim(1).or_failed()?;
                residuals.extend(path.residuals(&profile, number, &images).or_failed()?);
                data.extend(images.flatten_all().and_then(|f| f.to_vec1::<f32>()).or_failed()?);
            }
        }
        Ok((matrix(data, rows.len(), width)?, residuals))
    }
}
