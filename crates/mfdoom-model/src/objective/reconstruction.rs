//! Reconstruction: `fusion` of what is shown says how every count of the cell is distributed.
//!
//! ```text
//! z = norm(fusion) + code[data set]                                   [cells, dim]
//! mean_g = library size x softmax over the measured features of (w_g . z + b_g)
//! loss = mean over modalities of the mean of -ln NB(count_g; mean_g, dispersion_g)
//! ```
//!
//! The data set enters here and nowhere before: heads need no code for a data set that they never saw.

use candle_core::{Result, Tensor};
use mfdoom_nn::{
    Init, MaskedCounts, ParameterBuilder, gather, layer_norm, linear, log_softmax, negative_binomial,
};

use super::outputs::{Outputs, rows};
use super::{NamedTerm, Needs, Terms};
use crate::config::ModelConfig;
use crate::scheme::Scheme;

/// Negative log-likelihood per measured feature of every modality that a cell has, shown or not. Counts of tokens
/// that were hidden are scored too.
#[derive(Debug)]
pub struct Reconstruction {
    norm: Tensor,
    /// `[data sets, dim]`
    codes: Tensor,
    modalities: Vec<Likelihood>,
    eps: f64,
}

/// How the counts of one modality are distributed.
#[derive(Debug)]
struct Likelihood {
    name: String,
    /// `[vocab, dim]`
    weight: Tensor,
    bias: Tensor,
    log_dispersion: Tensor,
}

/// All counts of the cells of a batch, one entry for each modality.
#[derive(Clone, Debug, Default)]
pub struct AllCounts {
    /// Number of each cell's data set.
    pub dataset: Vec<u32>,
    /// Counts by modality.
    pub modalities: Vec<ModalityCounts>,
}

/// All counts of one modality; a cell that lacks it has no row.
#[derive(Clone, Debug, Default)]
pub struct ModalityCounts {
    /// Cells of the batch that were measured in it.
    pub cells: Vec<u32>,
    /// Library size of each of them.
    pub library_size: Vec<f32>,
    /// Counts of all features and which of them were measured, `[cells, vocab]` row by row.
    pub counts: Option<MaskedCounts>,
}

impl Terms for Reconstruction {
    fn check(config: &ModelConfig, scheme: &Scheme) -> std::result::Result<(), String> {
        match (scheme.whole(), config.datasets) {
            (None, _) => Err("needs fusion tokens, and this scheme has none".into()),
            (_, 0) => Err("needs the number of data sets".into()),
            _ => Ok(()),
        }
    }

    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let p = p.pp("reconstruction");
        let modality = |name: &String| {
            let p = p.pp(name);
            let init = Init::Linear { inputs: config.dim };
            Ok(Likelihood {
                name: name.clone(),
                weight: p.get("weight", (config.vocab, config.dim), init)?,
                bias: p.get("bias", config.vocab, Init::ZEROS)?,
                log_dispersion: p.get("log_dispersion", config.vocab, Init::ZEROS)?,
            })
        };
        Ok(Self {
            norm: p.get("norm.weight", config.dim, Init::ONES)?,
            codes: p.get("codes", (config.datasets, config.dim), Init::ZEROS)?,
            modalities: config.modalities.iter().map(modality).collect::<Result<_>>()?,
            eps: config.ln_eps,
        })
    }

    fn needs(&self, _: &Scheme) -> Needs {
        Needs { counts: true, ..Needs::default() }
    }

    fn terms(&self, outputs: &Outputs<'_>) -> Result<Vec<NamedTerm>> {
        let Some(all) = &outputs.views.counts else { return Ok(Vec::new()) };
        let fusion = layer_norm(&outputs.head("fusion")?, &self.norm, None, self.eps)?;
        let z = (fusion + gather(&self.codes, &all.dataset.as_slice().into())?)?;
        let shown = |cell: &u32| outputs.present.iter().any(|present| present[*cell as usize]);
        let term = |(modality, seen): (&Likelihood, &ModalityCounts)| {
            let loss = match &seen.counts {
                Some(counts) if seen.cells.iter().all(&shown) => Some(modality.loss(&z, seen, counts)?),
                _ => None,
            };
            Ok((modality.name.clone(), loss))
        };
        self.modalities.iter().zip(&all.modalities).map(term).collect()
    }
}

impl Likelihood {
    fn loss(&self, z: &Tensor, seen: &ModalityCounts, counts: &MaskedCounts) -> Result<Tensor> {
        let z = rows(z, &seen.cells)?;
        let logits = linear(&z, &self.weight, Some(&self.bias))?; // [cells, vocab]
        let (device, dtype) = (logits.device(), logits.dtype());
        let hidden: Vec<f32> = counts.observed.iter().map(|seen| if *seen { 0.0 } else { -1e30 }).collect();
        let hidden = Tensor::from_vec(hidden, logits.shape(), device)?.to_dtype(dtype)?;
        let library: Vec<f32> = seen.library_size.iter().map(|size| size.max(1e-3).ln()).collect();
        let library = Tensor::from_vec(library, (seen.cells.len(), 1), device)?.to_dtype(dtype)?;
        let log_mean = log_softmax(&(logits + hidden)?)?.broadcast_add(&library)?;
        let n = counts.observed.iter().filter(|seen| **seen).count().max(1);
        negative_binomial(&log_mean, &self.log_dispersion, None, counts)?.sum_all()? / n as f64
    }
}
