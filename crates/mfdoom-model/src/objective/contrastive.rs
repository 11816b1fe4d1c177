//! Symmetric InfoNCE: a cell's vector in one output should find the same cell in another.

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, ParameterStore};

use super::outputs::{Outputs, normalise, rows};
use super::{NamedTerm, Terms};
use crate::config::{Among, ModelConfig, Negatives, Temperature};
use crate::scheme::Scheme;

/// Name of the log-temperature.
const LOGIT_SCALE: &str = "loss.logit_scale";

/// The mean of the two directions of cross-entropy over `exp(logit_scale) a b'` for each pair, with rows for the
/// cells that have both sides and columns for those too or for all cells, as configured.
#[derive(Debug)]
pub struct Contrastive {
    /// Log of the inverse temperature, one number or one for each pair.
    logit_scale: Tensor,
}

/// Returns the compared outputs: every pair of modalities, then each modality with `fusion`, then `fusion` with every
/// other block, as far as the configuration asks for them.
pub fn pairs(config: &ModelConfig) -> Vec<(String, String)> {
    let names = &config.modalities;
    let among = names.iter().enumerate().flat_map(|(i, a)| names[i + 1..].iter().map(move |b| (a, b)));
    let mut all: Vec<(String, String)> = among.map(|(a, b)| (a.clone(), b.clone())).collect();
    let (scheme, among) = (Scheme::of(config), config.contrastive.among);
    if let Some(fusion) = scheme.whole().filter(|_| among != Among::Modalities) {
        all.extend(names.iter().map(|m| (m.clone(), fusion.name.clone())));
        let parts = scheme.parts().iter().filter(|block| !names.contains(&block.name));
        let parts = parts.map(|block| (fusion.name.clone(), block.name.clone()));
        all.extend(parts.filter(|_| among == Among::Blocks));
    }
    all
}

impl Terms for Contrastive {
    fn check(_: &ModelConfig, _: &Scheme) -> std::result::Result<(), String> {
        Ok(())
    }

    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let shape = match config.contrastive.temperature {
            Temperature::Shared => vec![],
            Temperature::PerPair => vec![pairs(config).len()],
        };
        let start = Init::Constant((1.0f64 / 0.07).ln());
        Ok(Self { logit_scale: p.get(LOGIT_SCALE, shape, start)? })
    }

    fn project(&self, store: &ParameterStore, config: &ModelConfig) -> Result<()> {
        let bounds = &config.contrastive;
        let scale = store.get(LOGIT_SCALE)?;
        scale.set(&scale.clamp(bounds.logit_scale_min, bounds.logit_scale_max)?)
    }

    fn terms(&self, outputs: &Outputs<'_>) -> Result<Vec<NamedTerm>> {
        let config = outputs.config();
        let scales = self.logit_scale.exp()?;
        let part = |name: &str| outputs.model.scheme().parts().iter().find(|block| block.name == name);
        let head = |name: &str| {
            let x = outputs.head(name)?;
            if config.contrastive.l2_normalize { normalise(&x) } else { Ok(x) }
        };
        let has = |name: &str, cell: usize| match config.modalities.iter().position(|m| m == name) {
            Some(m) => outputs.present[m][cell],
            None => part(name).is_none_or(|block| block.members().any(|m| outputs.present[m][cell])),
        };
        let mut all = Vec::new();
        for (k, (a, b)) in pairs(config).into_iter().enumerate() {
            let both = (0..outputs.cells()).filter(|c| has(&a, *c) && has(&b, *c));
            let pair = Pair {
                both: both.map(|c| c as u32).collect(),
                scale: match config.contrastive.temperature {
                    Temperature::Shared => scales.clone(),
                    Temperature::PerPair => scales.get(k)?,
                },
                negatives: config.contrastive.negatives,
            };
            let value = match pair.both.is_empty() {
                true => None,
                false => {
                    let (x, y) = (head(&a)?, head(&b)?);
                    Some(((pair.cross_entropy(&x, &y)? + pair.cross_entropy(&y, &x)?)? / 2.0)?)
                }
            };
            all.push((format!("{a}|{b}"), value));
        }
        Ok(all)
    }
}

/// How two outputs are compared.
pub(super) struct Pair {
    /// The cells that have both sides.
    pub both: Vec<u32>,
    /// Inverse temperature.
    pub scale: Tensor,
    /// Which cells are the columns.
    pub negatives: Negatives,
}

impl Pair {
    /// Mean over the cells of the negative log probability of the cell itself, from `x` to `y`.
    pub fn cross_entropy(&self, x: &Tensor, y: &Tensor) -> Result<Tensor> {
        let (x, own) = (rows(x, &self.both)?, rows(y, &self.both)?);
        let columns = match self.negatives {
            Negatives::All => y,
            Negatives::Present => &own,
        };
        let logits = x.matmul(&columns.t()?)?.broadcast_mul(&self.scale)?; // [cells with both, columns]
        let positive = (&x * &own)?.sum(1)?.broadcast_mul(&self.scale)?;
        (log_sum_exp(&logits)? - positive)?.mean_all()
    }
}

/// `ln(sum(exp(row)))`, shifted by the row's largest entry.
pub(super) fn log_sum_exp(logits: &Tensor) -> Result<Tensor> {
    let largest = logits.max_keepdim(1)?.detach();
    logits.broadcast_sub(&largest)?.exp()?.sum_keepdim(1)?.log()?.add(&largest)?.squeeze(1)
}
