//! The fitted model.

use crate::error::{Error, Result};
use crate::smooth::Smoother;
use crate::square::{add_outer, eigen, row_times};
use crate::transform::Transform;

/// One modality of an anchor.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Name of the modality.
    pub name: String,
    /// How its counts become values.
    pub transform: Transform,
    /// Library size of a typical cell, for [`Transform::LogNormalized`].
    pub scale: f64,
    /// Numbers of the modalities that this one is a function of: it does not speak for a cell that has them all.
    pub derived_from: Vec<usize>,
    /// Ids of its features, ascending, `[f]`.
    pub features: Vec<u32>,
    /// What counts of each feature are multiplied by, `[f]`, for [`Transform::TfIdf`]; empty for all others.
    pub rarity: Vec<f64>,
    /// Means of the values, `[f]`.
    pub mean: Vec<f64>,
    /// Deviations that the values are divided by, `[f]`.
    pub deviation: Vec<f64>,
    /// Loadings of the scaled values, `[f, d]`.
    pub loadings: Vec<f64>,
    /// Variances of the noise of the scaled values, `[f]`.
    pub noise: Vec<f64>,
}

/// A fitted anchor.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchor {
    /// Number of factors, d.
    pub dim: usize,
    /// Its modalities.
    pub parts: Vec<Part>,
    /// What the coordinates on each axis are multiplied by when cells are compared, `[d]`.
    pub weights: Vec<f64>,
    /// What smooths the weighted coordinates.
    pub smoother: Smoother,
}

impl Anchor {
    /// Turns the factors to the axes of the variance that they predict and weighs them by its root to the `power`.
    pub(crate) fn turn(&mut self, power: f64) -> Result<()> {
        let d = self.dim;
        let mut predicted = vec![0.0; d * d];
        for part in &self.parts {
            let norm: f64 = part.loadings.iter().map(|w| w * w).sum();
            if norm > 0.0 {
                part.loadings.chunks_exact(d).for_each(|w| add_outer(&mut predicted, w, 1.0 / norm));
            }
        }
        let (values, axes) = eigen(&predicted, d).ok_or(Error::NothingVaries)?;
        for part in &mut self.parts {
            part.loadings = part.loadings.chunks_exact(d).flat_map(|w| row_times(w, &axes, d)).collect();
        }
        let largest = values.first().copied().unwrap_or(0.0).max(f64::MIN_POSITIVE);
        self.weights = values.iter().map(|v| (v.max(0.0) / largest).powf(power / 2.0)).collect();
        Ok(())
    }

    /// Returns the expected values of a modality's features given posterior means `[n, d]`, `[n, f]`.
    pub fn predict(&self, means: &[f64], part: usize) -> Vec<f64> {
        let part = &self.parts[part];
        let value = |z: &[f64], g: usize| {
            let w = &part.loadings[g * self.dim..(g + 1) * self.dim];
            part.mean[g] + part.deviation[g] * z.iter().zip(w).map(|(z, w)| z * w).sum::<f64>()
        };
        let row = |z: &'_ [f64]| (0..part.features.len()).map(|g| value(z, g)).collect::<Vec<_>>();
        means.chunks_exact(self.dim).flat_map(row).collect()
    }

    /// Returns which of the modalities that a cell has speak for it: all but those derived from others that it has.
    pub(crate) fn speaking(&self, has: &[bool]) -> Vec<bool> {
        let derived =
            |part: &Part| !part.derived_from.is_empty() && part.derived_from.iter().all(|p| has[*p]);
        self.parts.iter().zip(has).map(|(part, has)| *has && !derived(part)).collect()
    }
}
