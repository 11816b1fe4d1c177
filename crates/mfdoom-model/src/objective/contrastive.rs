//! Symmetric InfoNCE: a cell's vector in one output should find the same cell in another.

use candle_core::{Result, Tensor};

use super::{Outputs, normalise, rows};
use crate::config::{Fusion, ModelConfig, Negatives, Temperature};

/// Returns the compared outputs: every pair of modalities, then each modality with `fusion`.
pub fn pairs(config: &ModelConfig) -> Vec<(String, String)> {
    let names = &config.modalities;
    let among = names.iter().enumerate().flat_map(|(i, a)| names[i + 1..].iter().map(move |b| (a, b)));
    let mut all: Vec<(String, String)> = among.map(|(a, b)| (a.clone(), b.clone())).collect();
    if config.fusion != Fusion::None {
        all.extend(names.iter().map(|m| (m.clone(), "fusion".into())));
    }
    all
}

/// Returns the loss of each pair, `None` where no cell has both sides.
///
/// A pair is the mean of the two directions of cross-entropy over `exp(logit_scale) a b'`, with rows for the
/// cells that have both sides and columns for those too or for all cells, as configured.
pub(super) fn terms(outputs: &Outputs<'_>, logit_scale: &Tensor) -> Result<Vec<(String, Option<Tensor>)>> {
    let config = outputs.config();
    let scale = logit_scale.exp()?;
    let head = |name: &str| {
        let x = outputs.head(name)?;
        if config.contrastive.l2_normalize { normalise(&x) } else { Ok(x) }
    };
    let has = |name: &str, cell: usize| {
        config.modalities.iter().position(|m| m == name).is_none_or(|m| outputs.present[m][cell])
    };
    let cells = outputs.pooled.dim(0)?;
    let mut all = Vec::new();
    for (k, (a, b)) in pairs(config).into_iter().enumerate() {
        let both: Vec<u32> = (0..cells).filter(|c| has(&a, *c) && has(&b, *c)).map(|c| c as u32).collect();
        let value = if both.is_empty() {
            None
        } else {
            let scale = match config.contrastive.temperature {
                Temperature::Shared => scale.clone(),
                Temperature::PerPair => scale.get(k)?,
            };
            let (x, y) = (head(&a)?, head(&b)?);
            let negatives = config.contrastive.negatives;
            let there = cross_entropy(&x, &y, &scale, &both, negatives)?;
            let back = cross_entropy(&y, &x, &scale, &both, negatives)?;
            Some(((there + back)? / 2.0)?)
        };
        all.push((format!("{a}|{b}"), value));
    }
    Ok(all)
}

fn cross_entropy(
    x: &Tensor,
    y: &Tensor,
    scale: &Tensor,
    both: &[u32],
    negatives: Negatives,
) -> Result<Tensor> {
    let (x, own) = (rows(x, both)?, rows(y, both)?);
    let columns = match negatives {
        Negatives::All => y,
        Negatives::Present => &own,
    };
    let logits = x.matmul(&columns.t()?)?.broadcast_mul(scale)?; // [cells with both, columns]
    let positive = (&x * &own)?.sum(1)?.broadcast_mul(scale)?;
    (log_sum_exp(&logits)? - positive)?.mean_all()
}

/// `ln(sum(exp(row)))`, shifted by the row's largest entry.
fn log_sum_exp(logits: &Tensor) -> Result<Tensor> {
    let largest = logits.max_keepdim(1)?.detach();
    logits.broadcast_sub(&largest)?.exp()?.sum_keepdim(1)?.log()?.add(&largest)?.squeeze(1)
}
