//! The closed-form model next to the network: its part of the configuration, its tensors, and heads made of both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use candle_core::{DType, Device, Error as TensorError, Result, Tensor};
use mfdoom_anchor::{Anchor, Array};
use mfdoom_error::Error;
use mfdoom_nn::{Init, ParameterBuilder, ParameterStore};
use serde::{Deserialize, Serialize};

use crate::choice::choices;
use crate::scheme::{Reads, Scheme};

/// Names of the anchor's tensors begin so.
pub const ANCHOR: &str = "anchor.";

/// What a model's heads are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Anchoring {
    /// The anchor's coordinates and the network's vector, both of unit length, side by side.
    Blend,
    /// The anchor's coordinates alone.
    Only,
    /// The network's vector alone; there is no anchor.
    None,
}

choices!(Anchoring { Blend, Only, None });

/// The anchor of a model. Two equal ones have the same tensors under the same names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorConfig {
    /// What the heads are made of, `blend` or `only`.
    pub heads: Anchoring,
    /// Number of factors.
    pub dim: usize,
    /// Landmarks of the smoother.
    pub landmarks: usize,
    /// Number of features of each modality.
    pub features: BTreeMap<String, usize>,
    /// Modalities whose features are weighed by their rarity.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tf_idf: BTreeSet<String>,
    /// Modalities that are functions of others, as expression is of spliced and unspliced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub derived: BTreeMap<String, Vec<String>>,
}

impl AnchorConfig {
    /// Returns the configuration of a fitted anchor.
    pub fn of(anchor: &Anchor, heads: Anchoring) -> Self {
        let name = |m: &usize| anchor.parts[*m].name.clone();
        let derived = anchor.parts.iter().filter(|part| !part.derived_from.is_empty());
        let weighed = anchor.parts.iter().filter(|part| !part.rarity.is_empty());
        Self {
            heads,
            dim: anchor.dim,
            landmarks: anchor.smoother.landmarks.len() / anchor.dim.max(1),
            features: anchor.parts.iter().map(|part| (part.name.clone(), part.features.len())).collect(),
            tf_idf: weighed.map(|part| part.name.clone()).collect(),
            derived: derived
                .map(|part| (part.name.clone(), part.derived_from.iter().map(name).collect()))
                .collect(),
        }
    }

    /// Number of coordinates of a cell.
    pub fn coordinates(&self) -> usize {
        2 * self.dim
    }

    /// Checks it against the modalities of the model.
    ///
    /// # Errors
    /// Usage, naming the setting.
    pub(crate) fn check(&self, modalities: &[String]) -> mfdoom_error::Result<()> {
        let known: BTreeSet<&String> = modalities.iter().collect();
        let derived = self.derived.keys().chain(self.derived.values().flatten());
        let all = self.features.keys().chain(&self.tf_idf).chain(derived);
        let sizes = self.features.values().chain([&self.dim, &self.landmarks]);
        let sound = self.heads != Anchoring::None
            && self.dim > 0
            && self.features.len() == known.len()
            && all.into_iter().all(|name| known.contains(name))
            && sizes.into_iter().all(|n| *n <= 1 << 24);
        match sound {
            true => Ok(()),
            false => Err(Error::usage("model: the anchor does not fit the modalities")
                .found(format!("{self:?}"))
                .wanted(modalities.join(", "))),
        }
    }

    /// Takes the anchor from the parameters of a model.
    pub(crate) fn build(&self, p: &ParameterBuilder, modalities: &[String]) -> Result<Arc<Anchor>> {
        let (d, l, p) = (self.dim, self.landmarks, p.pp(ANCHOR.trim_end_matches('.')));
        let mut arrays = BTreeMap::new();
        let mut take = |name: String, shape: &[usize], init: Init| -> Result<()> {
            let tensor = p.get(&name, shape, init)?;
            let data = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
            arrays.insert(name, Array { shape: shape.to_vec(), data });
            Ok(())
        };
        take("weights".into(), &[d], Init::ONES)?;
        take("smooth.landmarks".into(), &[l, d], Init::ZEROS)?;
        take("smooth.coefficients".into(), &[l, d], Init::ZEROS)?;
        take("smooth.centre".into(), &[d], Init::ZEROS)?;
        for name in modalities {
            let f = self.features.get(name).copied().unwrap_or(0);
            take(format!("{name}.features"), &[f], Init::ZEROS)?;
            take(format!("{name}.mean"), &[f], Init::ZEROS)?;
            take(format!("{name}.deviation"), &[f], Init::ONES)?;
            take(format!("{name}.noise"), &[f], Init::ONES)?;
            take(format!("{name}.loadings"), &[f, d], Init::ZEROS)?;
            take(format!("{name}.transform"), &[2], Init::ZEROS)?;
            if self.tf_idf.contains(name) {
                take(format!("{name}.rarity"), &[f], Init::ONES)?;
            }
        }
        let position = |name: &String| modalities.iter().position(|m| m == name);
        let parts = |name| {
            self.derived.get(name).map_or(Vec::new(), |from| from.iter().filter_map(position).collect())
        };
        let derived: Vec<Vec<usize>> = modalities.iter().map(parts).collect();
        Anchor::from_arrays(&arrays, modalities, &derived).map(Arc::new).map_err(TensorError::wrap)
    }
}

/// Returns the parameters of a fitted anchor, under their names in `model.safetensors`.
///
/// # Errors
/// Where the device has no memory left.
pub fn anchor_parameters(anchor: &Anchor, device: &Device) -> Result<ParameterStore> {
    let mut store = ParameterStore::new(0, DType::F32, device);
    for (name, array) in anchor.arrays() {
        let tensor = Tensor::from_vec(array.data, array.shape, &Device::Cpu)?;
        store.insert(&format!("{ANCHOR}{name}"), &tensor)?;
    }
    Ok(store)
}

/// Returns which modalities an output of the scheme is made of, in the anchor as in the network.
pub fn modalities_read(scheme: &Scheme, reads: Reads, modalities: usize) -> Vec<bool> {
    match reads {
        Reads::Modality(own) => (0..modalities).map(|m| m == own).collect(),
        Reads::Block(block) => scheme.blocks[block].reads.clone(),
        Reads::All => vec![true; modalities],
    }
}

/// Appends a head to `to`: the anchor's coordinates, and where there is one the network's vector at unit length, of equal
/// weight and together of unit length.
pub fn push_head(coordinates: &[f64], readout: Option<&[f32]>, to: &mut Vec<f32>) {
    let Some(readout) = readout else { return to.extend(coordinates.iter().map(|x| *x as f32)) };
    let half = std::f64::consts::FRAC_1_SQRT_2;
    to.extend(coordinates.iter().map(|x| (x * half) as f32));
    let length = readout.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    to.extend(readout.iter().map(|x| (f64::from(*x) / length * half) as f32));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_of_both_has_unit_length() {
        let mut head = Vec::new();
        push_head(&[0.6, 0.8], Some(&[3.0, 4.0]), &mut head);
        assert!((head.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((head[0] / head[2] - 1.0).abs() < 1e-6);
        let mut alone = Vec::new();
        push_head(&[0.6, 0.8], None, &mut alone);
        assert_eq!(alone, [0.6, 0.8]);
    }
}
