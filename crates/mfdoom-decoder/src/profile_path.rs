//! The profile path: value-weighted sums of gene vectors, a fixed random layer, a map.
//!
//! ```text
//! x_m(c) = sum over genes (value - mean) x gene vector                      [components]
//! f_m(c) = (sqrt(2 / features) cos(frequency x_m + phase), perhaps 4 x_m) - centre   [width]
//! p_m(c) = map_m f_m, or half of that and half of its mean over the nearest landmarks
//! h(c)   = mean over the present modalities of p_m                           [rank]
//! ```
//!
//! The random layer (Rahimi and Recht 2007) makes a linear map on `f` a kernel regression on `x`: with
//! frequencies from N(0, 2 g), the kernel is `exp(-g |x - y|^2)`.

use std::sync::Arc;

use candle_core::{DType, Result, Tensor};
use mfdoom_model::ModelConfig;
use mfdoom_nn::{Init, ParameterBuilder, SparseRows, gather, linear, sparse_product};

use crate::config::ProfileConfig;
use crate::landmarks::Landmarks;
use crate::profile::{ModalityProfile, ProfileBatch};

/// Weight of the components among the features: the penalty falls on the random features first.
const LINEAR: f64 = 4.0;

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
    /// `[width]`
    centre: Tensor,
    /// `[rank, width]`
    map: Tensor,
    linear: bool,
    landmarks: Option<Landmarks>,
}

/// What is known of a prediction besides its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Assessment {
    /// Root mean square error to be expected over the outputs, in the units of the target.
    pub error: f64,
    /// Distance to the nearest training cell that is kept, over the distance that few training cells exceed, or the same of
    /// what the components do not see: above 1 the cell is unlike those that the decoder learned from.
    pub distance: f64,
}

impl ProfilePath {
    /// Takes the path from the parameters of a decoder of rank `rank`.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(
        p: &ParameterBuilder,
        config: &ProfileConfig,
        backbone: &ModelConfig,
        rank: usize,
    ) -> Result<Self> {
        let part = |m: &String| {
            let here = config.modalities.contains(m);
            here.then(|| Part::build(&p.pp("profile").pp(m), config, backbone.vocab, rank)).transpose()
        };
        Ok(Self { modalities: backbone.modalities.iter().map(part).collect::<Result<_>>()?, rank })
    }

    /// Returns the mean of each gene's value in a modality, by vocabulary id; none where it has no path.
    pub fn mean(&self, modality: usize) -> Option<&Arc<[f32]>> {
        self.modalities[modality].as_ref().map(|part| &part.mean)
    }

    /// Returns the features of the cells in a modality, `[cells, width]`, those of a mean cell where
    /// the modality is not there; nothing where the modality has no path or no cell has it.
    ///
    /// # Errors
    /// Where an id is outside the vocabulary or the device fails.
    pub fn features(&self, batch: &ProfileBatch, modality: usize) -> Result<Option<Tensor>> {
        let seen = &batch.modalities[modality];
        match &self.modalities[modality] {
            Some(part) if !seen.sets.is_empty() => part.features(&part.centred(seen)?).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns what the random layer sees of the cells in a modality, `[cells, components]`; nothing where the modality has
    /// no path or no cell has it.
    ///
    /// # Errors
    /// Where an id is outside the vocabulary or the device fails.
    pub fn images(&self, batch: &ProfileBatch, modality: usize) -> Result<Option<Tensor>> {
        let seen = &batch.modalities[modality];
        match &self.modalities[modality] {
            Some(part) if !seen.sets.is_empty() => part.centred(seen).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns the lengths of what the components leave of the cells in a modality whose images these are.
    ///
    /// # Errors
    /// Where the device fails.
    pub(crate) fn residuals(
        &self,
        batch: &ProfileBatch,
        modality: usize,
        images: &Tensor,
    ) -> Result<Vec<f64>> {
        match &self.modalities[modality] {
            Some(part) => part.residuals(&batch.modalities[modality], images),
            None => Ok(vec![0.0; batch.cells]),
        }
    }

    /// Returns what the path says of the cells, `[cells, rank]`; 0 for a cell without a modality.
    ///
    /// # Errors
    /// Where an id is outside the vocabulary or the device fails.
    pub fn forward(&self, batch: &ProfileBatch, like: &Tensor) -> Result<Tensor> {
        self.say(batch, like, &mut |_, _, _| Ok(()))
    }

    /// Returns what the path says of the cells, and how far off predictions of them may be, as the mean over their
    /// modalities; nothing of a cell without a modality that the decoder has learned this for.
    ///
    /// # Errors
    /// Those of [`ProfilePath::forward`].
    pub fn forward_assessed(
        &self,
        batch: &ProfileBatch,
        like: &Tensor,
    ) -> Result<(Tensor, Vec<Option<Assessment>>)> {
        let mut sums = vec![(0usize, 0f64, 0f64); batch.cells];
        let said = self.say(batch, like, &mut |m, part, seen| {
            let (Some(landmarks), Some(squares)) = (&part.landmarks, &seen.squares) else { return Ok(()) };
            let (logs, distances) =
                (landmarks.log_errors(&seen.features)?, landmarks.distances(squares, &seen.residuals));
            let has = |cell: &usize| batch.modalities[m].set[*cell].is_some();
            for cell in (0..batch.cells).filter(has) {
                let sum = &mut sums[cell];
                *sum = (sum.0 + 1, sum.1 + logs[cell], sum.2 + distances[cell]);
            }
            Ok(())
        })?;
        let mean = |(n, log, distance): (usize, f64, f64)| {
            let n = Some(n).filter(|n| *n > 0)? as f64;
            Some(Assessment { error: (log / n).exp(), distance: distance / n })
        };
        Ok((said, sums.into_iter().map(mean).collect()))
    }

    /// Says something of the cells, and shows `each` what a modality sees of them.
    fn say(
        &self,
        batch: &ProfileBatch,
        like: &Tensor,
        each: &mut dyn FnMut(usize, &Part, &Seen) -> Result<()>,
    ) -> Result<Tensor> {
        let mut sum = Tensor::zeros((batch.cells, self.rank), like.dtype(), like.device())?;
        let has =
            |m: usize, cell: usize| self.modalities[m].is_some() && batch.modalities[m].set[cell].is_some();
        let n = self.modalities.len();
        let present: Vec<usize> =
            (0..batch.cells).map(|cell| (0..n).filter(|m| has(*m, cell)).count()).collect();
        for (m, part) in self.modalities.iter().enumerate() {
            let profile = &batch.modalities[m];
            let Some(part) = part.as_ref().filter(|_| !profile.sets.is_empty()) else { continue };
            let weight = |cell: usize| if has(m, cell) { 1.0 / present[cell] as f32 } else { 0.0 };
            let weights: Vec<f32> = (0..batch.cells).map(weight).collect();
            let weights = Tensor::from_vec(weights, (batch.cells, 1), like.device())?;
            let seen = part.see(profile)?;
            each(m, part, &seen)?;
            sum = (sum + part.forward(&seen)?.broadcast_mul(&weights.to_dtype(like.dtype())?)?)?;
        }
        Ok(sum)
    }
}

/// What a part sees of cells.
struct Seen {
    /// `[cells, width]`
    features: Tensor,
    /// Squared distances to all landmarks, where there are some.
    squares: Option<Vec<f32>>,
    /// Lengths of what the components leave, where there are landmarks.
    residuals: Vec<f64>,
}

impl Part {
    fn build(p: &ParameterBuilder, config: &ProfileConfig, vocab: usize, rank: usize) -> Result<Self> {
        let (r, features, zeros) = (config.components, config.features, Init::ZEROS);
        let mean: Vec<f32> = p.get("mean", vocab, zeros)?.to_dtype(DType::F32)?.to_vec1()?;
        let mut part = Self {
            mean: mean.into(),
            genes: p.get("genes", (vocab, r), zeros)?,
            frequency: p.get("frequency", (features, r), zeros)?,
            phase: p.get("phase", features, zeros)?,
            centre: p.get("centre", config.width(), zeros)?,
            map: p.get("map", (rank, config.width()), zeros)?,
            linear: config.linear,
            landmarks: None,
        };
        if config.landmarks > 0 {
            let images = p.get("landmarks", (config.landmarks, r), zeros)?;
            let said = match config.neighbours {
                0 => None,
                n => Some((n, linear(&part.features(&images)?, &part.map, None)?)),
            };
            part.landmarks = Some(Landmarks::build(p, config.width(), &images, said)?);
        }
        Ok(part)
    }

    fn see(&self, profile: &ModalityProfile) -> Result<Seen> {
        let image = self.centred(profile)?;
        let squares = self.landmarks.as_ref().map(|landmarks| landmarks.squares(&image)).transpose()?;
        let residuals = if squares.is_some() { self.residuals(profile, &image)? } else { Vec::new() };
        Ok(Seen { features: self.features(&image)?, squares, residuals })
    }

    /// Returns what the part says of the cells, `[cells, rank]`.
    fn forward(&self, seen: &Seen) -> Result<Tensor> {
        let own = linear(&seen.features, &self.map, None)?;
        match (&self.landmarks, &seen.squares) {
            (Some(landmarks), Some(squares)) => landmarks.blend(own, squares),
            _ => Ok(own),
        }
    }

    fn features(&self, x: &Tensor) -> Result<Tensor> {
        let waves = linear(x, &self.frequency, Some(&self.phase))?.cos()?;
        let scale = (2.0 / self.phase.dim(0)? as f64).sqrt();
        let features = match self.linear {
            true => Tensor::cat(&[(waves * scale)?, (x * LINEAR)?], 1)?,
            false => (waves * scale)?,
        };
        features.broadcast_sub(&self.centre)
    }

    /// Returns the length of each cell's values around the mean that its image does not have, in the units of images.
    fn residuals(&self, seen: &ModalityProfile, image: &Tensor) -> Result<Vec<f64>> {
        let host = |x: &Tensor| x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        let components = self.genes.dim(1)?;
        // Gene vectors are orthonormal loadings, all divided by the same length.
        let unit = host(&self.genes.sqr()?.sum_all()?)?[0] / components as f64;
        let square = |gene: &u32| f64::from(self.mean[*gene as usize]).powi(2);
        let means: Vec<f64> = seen.sets.iter().map(|set| set.iter().map(square).sum()).collect();
        let images = host(image)?;
        let residual = |(cell, image): (usize, &[f64])| {
            let Some(set) = seen.set[cell] else { return 0.0 };
            let (genes, values) = seen.values.row(cell);
            let moved = |(gene, value): (&u32, &f32)| {
                let mean = f64::from(self.mean[*gene as usize]);
                (f64::from(*value) - mean).powi(2) - mean * mean
            };
            let all = means[set as usize] + genes.iter().zip(values).map(moved).sum::<f64>();
            (unit * all - image.iter().map(|x| x * x).sum::<f64>()).max(0.0).sqrt()
        };
        Ok(images.chunks_exact(components).enumerate().map(residual).collect())
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
