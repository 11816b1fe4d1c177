//! The profile path: value-weighted sums of gene vectors, a fixed random layer, a map.
//!
//! ```text
//! x_m(c) = sum over genes (value - mean) x gene vector                      [components]
//! f_m(c) = sqrt(2 / features) cos(frequency x_m + phase) - centre            [features]
//! h(c)   = mean over the present modalities of map_m f_m                     [rank]
//! ```
//!
//! The random layer (Rahimi and Recht 2007) makes a linear map on `f` a kernel regression on `x`: with
//! frequencies from N(0, 2 g), the kernel is `exp(-g |x - y|^2)`.

use std::sync::Arc;

use candle_core::{DType, Result, Tensor};
use mfdoom_nn::{ParameterStore, SparseRows, gather, linear, sparse_product};

use super::config::ProfileConfig;
use super::profile::{ModalityProfile, ProfileBatch};
use crate::config::ModelConfig;
use crate::parameters::tensor;

/// Gene vectors, random layer and map of every modality that has such a path.
#[derive(Clone, Debug)]
pub struct ProfilePath {
    /// One entry per modality of the backbone.
    modalities: Vec<Option<Part>>,
    rank: usize,
}

#[derive(Clone, Debug)]
struct Part {
    /// Mean of each gene's value in the training cells, `[vocab]`.
    mean: Arc<[f32]>,
    /// Gene vectors, `[vocab, components]`.
    genes: Tensor,
    /// `[features, components]`
    frequency: Tensor,
    /// `[features]`
    phase: Tensor,
    /// `[features]`
    centre: Tensor,
    /// `[rank, features]`
    map: Tensor,
}

impl ProfilePath {
    /// Takes the path from a store.
    ///
    /// # Errors
    /// Where a parameter is missing.
    pub fn load(store: &ParameterStore, config: &ProfileConfig, backbone: &ModelConfig) -> Result<Self> {
        let part = |m: &String| {
            let here = config.modalities.contains(m);
            here.then(|| Part::load(store, m)).transpose()
        };
        let modalities: Vec<_> = backbone.modalities.iter().map(part).collect::<Result<_>>()?;
        let rank = modalities.iter().flatten().map(|part| part.map.dim(0)).next();
        Ok(Self { modalities, rank: rank.transpose()?.unwrap_or(0) })
    }

    /// Returns the mean of each gene's value in a modality, by vocabulary id; none where it has no path.
    pub fn mean(&self, modality: usize) -> Option<&Arc<[f32]>> {
        self.modalities[modality].as_ref().map(|part| &part.mean)
    }

    /// Returns the random features of the cells in a modality, `[cells, features]`, those of a mean cell where
    /// the modality is not there; nothing where the modality has no path or no cell has it.
    ///
    /// # Errors
    /// Where an id is outside the vocabulary or the device fails.
    pub fn features(&self, batch: &ProfileBatch, modality: usize) -> Result<Option<Tensor>> {
        let seen = &batch.modalities[modality];
        match &self.modalities[modality] {
            Some(part) if !seen.sets.is_empty() => part.features(seen).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns what the path says of the cells, `[cells, rank]`; 0 for a cell without a modality.
    ///
    /// # Errors
    /// Where an id is outside the vocabulary or the device fails.
    pub fn forward(&self, batch: &ProfileBatch, like: &Tensor) -> Result<Tensor> {
        let mut sum = Tensor::zeros((batch.cells, self.rank), like.dtype(), like.device())?;
        let has =
            |m: usize, cell: usize| self.modalities[m].is_some() && batch.modalities[m].set[cell].is_some();
        let n = self.modalities.len();
        let present: Vec<usize> =
            (0..batch.cells).map(|cell| (0..n).filter(|m| has(*m, cell)).count()).collect();
        for (m, part) in self.modalities.iter().enumerate() {
            let (Some(part), Some(features)) = (part, self.features(batch, m)?) else { continue };
            let weight = |cell: usize| if has(m, cell) { 1.0 / present[cell] as f32 } else { 0.0 };
            let weights: Vec<f32> = (0..batch.cells).map(weight).collect();
            let weights = Tensor::from_vec(weights, (batch.cells, 1), like.device())?;
            let weighted = features.broadcast_mul(&weights.to_dtype(like.dtype())?)?;
            sum = (sum + linear(&weighted, &part.map, None)?)?;
        }
        Ok(sum)
    }
}

impl Part {
    fn load(store: &ParameterStore, modality: &str) -> Result<Self> {
        let get = |leaf: &str| tensor(store, &format!("decoder.profile.{modality}.{leaf}"));
        let mean: Vec<f32> = get("mean")?.to_dtype(DType::F32)?.to_vec1()?;
        Ok(Self {
            mean: mean.into(),
            genes: get("genes")?,
            frequency: get("frequency")?,
            phase: get("phase")?,
            centre: get("centre")?,
            map: get("map")?,
        })
    }

    fn features(&self, seen: &ModalityProfile) -> Result<Tensor> {
        let x = self.centred(seen)?; // [cells, components]
        let waves = linear(&x, &self.frequency, Some(&self.phase))?.cos()?;
        let scale = (2.0 / self.phase.dim(0)? as f64).sqrt();
        (waves * scale)?.broadcast_sub(&self.centre)
    }

    /// Sums of gene vectors, less those of a cell in which every measured gene has its mean.
    fn centred(&self, seen: &ModalityProfile) -> Result<Tensor> {
        let cells = seen.set.len();
        let mut rows: SparseRows = seen.values.clone();
        for set in &seen.sets {
            rows.push(set.iter().map(|gene| (*gene, self.mean[*gene as usize])));
        }
        let images = sparse_product(&rows.into(), &self.genes)?; // [cells + sets, components]
        let none = cells + seen.sets.len();
        let images = Tensor::cat(&[&images, &images.narrow(0, 0, 1)?.zeros_like()?], 0)?;
        let of = |set: &Option<u32>| set.map_or(none, |set| cells + set as usize) as u32;
        let means = gather(&images, &seen.set.iter().map(of).collect())?;
        images.narrow(0, 0, cells)? - means
    }
}
