//! An anchor as named arrays of numbers, for a file of tensors.

use std::collections::BTreeMap;

use crate::anchor::{Anchor, Part};
use crate::error::{Error, Result};
use crate::smooth::Smoother;
use crate::transform::Transform;

/// One array.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Lengths of its axes.
    pub shape: Vec<usize>,
    /// Its numbers, row-major.
    pub data: Vec<f64>,
}

impl Array {
    fn vector(data: Vec<f64>) -> Self {
        Self { shape: vec![data.len()], data }
    }
}

/// Where the numbers of a transform stand in the array `transform`.
fn code(transform: Transform) -> f64 {
    Transform::ALL.iter().position(|t| *t == transform).unwrap_or(0) as f64
}

impl Anchor {
    /// Returns the arrays by name: `weights [d]`, and of every modality `M.features [f]` (ids), `M.mean [f]`,
    /// `M.deviation [f]`, `M.loadings [f, d]`, `M.noise [f]` and `M.transform [2]`: the number of the transform
    /// (log_normalized, log1p, clr, binary, tf_idf) and the library size of a typical cell, for tf_idf `M.rarity [f]` too;
    /// of the smoother `smooth.landmarks [l, d]`, `smooth.coefficients [l, d]` and `smooth.centre [d]`.
    pub fn arrays(&self) -> BTreeMap<String, Array> {
        let mut arrays = BTreeMap::new();
        arrays.insert("weights".into(), Array::vector(self.weights.clone()));
        let smoother = &self.smoother;
        let l = smoother.landmarks.len() / self.dim;
        for (name, data) in [("landmarks", &smoother.landmarks), ("coefficients", &smoother.coefficients)] {
            arrays.insert(format!("smooth.{name}"), Array { shape: vec![l, self.dim], data: data.clone() });
        }
        arrays.insert("smooth.centre".into(), Array::vector(smoother.centre.clone()));
        for part in &self.parts {
            let mut put = |name: &str, array| arrays.insert(format!("{}.{name}", part.name), array);
            put("features", Array::vector(part.features.iter().map(|f| f64::from(*f)).collect()));
            put("mean", Array::vector(part.mean.clone()));
            put("deviation", Array::vector(part.deviation.clone()));
            put("noise", Array::vector(part.noise.clone()));
            if !part.rarity.is_empty() {
                put("rarity", Array::vector(part.rarity.clone()));
            }
            put("transform", Array::vector(vec![code(part.transform), part.scale]));
            let shape = vec![part.features.len(), self.dim];
            put("loadings", Array { shape, data: part.loadings.clone() });
        }
        arrays
    }

    /// Reads the arrays of a model of these modalities; `derived_from` is as in [`Part`].
    ///
    /// # Errors
    /// Where an array is missing, or of another shape, or its numbers cannot be.
    pub fn from_arrays(
        arrays: &BTreeMap<String, Array>,
        modalities: &[String],
        derived_from: &[Vec<usize>],
    ) -> Result<Self> {
        let weights = take(arrays, "weights", &[None])?;
        let dim = weights.len();
        if dim == 0 {
            return Err(Error::Damaged { name: "weights".into() });
        }
        let part = |(name, derived_from): (&String, &Vec<usize>)| {
            let array = |of: &str, shape: &[Option<usize>]| take(arrays, &format!("{name}.{of}"), shape);
            let features: Vec<u32> = array("features", &[None])?.iter().map(|id| *id as u32).collect();
            let f = Some(features.len());
            let noise = array("noise", &[f])?;
            let deviation = array("deviation", &[f])?;
            let transform = array("transform", &[Some(2)])?;
            let damaged = || Error::Damaged { name: format!("{name}.transform") };
            if !features.is_sorted() || noise.iter().chain(&deviation).any(|v| *v <= 0.0) {
                return Err(Error::Damaged { name: format!("{name}.noise") });
            }
            let (scale, transform) =
                (transform[1], *Transform::ALL.get(transform[0] as usize).ok_or_else(damaged)?);
            Ok(Part {
                name: name.clone(),
                transform,
                scale,
                rarity: match transform {
                    Transform::TfIdf => array("rarity", &[f])?,
                    _ => Vec::new(),
                },
                derived_from: derived_from.clone(),
                mean: array("mean", &[f])?,
                loadings: array("loadings", &[f, Some(dim)])?,
                features,
                deviation,
                noise,
            })
        };
        let parts = modalities.iter().zip(derived_from).map(part).collect::<Result<_>>()?;
        let landmarks = take(arrays, "smooth.landmarks", &[None, Some(dim)])?;
        let coefficients = take(arrays, "smooth.coefficients", &[Some(landmarks.len() / dim), Some(dim)])?;
        let centre = take(arrays, "smooth.centre", &[Some(dim)])?;
        Ok(Self { dim, parts, weights, smoother: Smoother { landmarks, coefficients, centre } })
    }
}

fn take(arrays: &BTreeMap<String, Array>, name: &str, shape: &[Option<usize>]) -> Result<Vec<f64>> {
    let damaged = || Error::Damaged { name: name.into() };
    let array = arrays.get(name).ok_or_else(damaged)?;
    let fits = array.shape.len() == shape.len()
        && array.shape.iter().zip(shape).all(|(n, w)| w.is_none_or(|w| w == *n));
    let whole = array.data.len() == array.shape.iter().product::<usize>();
    match fits && whole && array.data.iter().all(|v| v.is_finite()) {
        true => Ok(array.data.clone()),
        false => Err(damaged()),
    }
}
