//! Tokens of one modality to vectors: gene embedding plus encoded value.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, ValueEncoder, gather, gather_add};

use crate::batch::PackedModality;
use crate::config::ModelConfig;

/// Gene table and value encoder of a modality.
#[derive(Clone, Debug)]
pub struct Encoder {
    genes: Tensor,
    value: ValueEncoder,
}

/// Gain of the norm at the end of the value encoder, at the start. Values of all tokens are alike, genes are not:
/// averaged over a cell, a value part as long as the gene part would drown it, every cell would start as nearly
/// the same vector, and training would collapse.
const VALUE_GAIN: Init = Init::Constant(0.1);

/// Returns the name of a modality's gene table, `encoders.<modality>.gene.weight` or the shared one.
pub fn gene_table(config: &ModelConfig, modality: &str) -> String {
    let owner = if config.shared_genes { "shared" } else { modality };
    format!("encoders.{owner}.gene.weight")
}

impl Encoder {
    /// Takes the encoder of `modality` from its parameters.
    ///
    /// # Errors
    /// Those of [`ParameterBuilder::get`].
    pub fn build(p: &ParameterBuilder, config: &ModelConfig, modality: &str) -> Result<Self> {
        let d = config.dim;
        let genes = p.get(&gene_table(config, modality), (config.vocab, d), Init::Embedding)?;
        let (p, linear) = (p.pp("encoders").pp(modality).pp("value"), |inputs| Init::Linear { inputs });
        let value = ValueEncoder {
            linear1_weight: p.get("linear1.weight", (d, 1), linear(1))?,
            linear1_bias: p.get("linear1.bias", d, linear(1))?,
            linear2_weight: p.get("linear2.weight", (d, d), linear(d))?,
            linear2_bias: p.get("linear2.bias", d, linear(d))?,
            norm_weight: p.get("norm.weight", d, VALUE_GAIN)?,
            norm_bias: p.get("norm.bias", d, Init::ZEROS)?,
            eps: config.ln_eps,
        };
        Ok(Self { genes, value })
    }

    /// Returns the embeddings of genes alone, `[tokens, dim]`.
    pub(crate) fn genes(&self, ids: &[u32]) -> Result<Tensor> {
        gather(&self.genes, &ids.into())
    }

    /// Returns one vector per token, `[tokens, dim]`.
    ///
    /// Counts are few and repeat, so the value encoder runs once for each distinct value of the batch. A zero
    /// count has no value part, only its gene's.
    ///
    /// # Errors
    /// Where an id is outside the gene table.
    pub fn forward(&self, tokens: &PackedModality, config: &ModelConfig) -> Result<Tensor> {
        let (distinct, index) = distinct(&tokens.values(config));
        let device = self.genes.device();
        let counted: Vec<f32> = distinct.iter().map(|v| f32::from(*v != 0.0)).collect();
        let n = distinct.len();
        let values = Tensor::from_vec(distinct, n, device)?.to_dtype(self.genes.dtype())?;
        let counted = Tensor::from_vec(counted, (n, 1), device)?.to_dtype(self.genes.dtype())?;
        let encoded = self.value.forward(&values)?.broadcast_mul(&counted)?; // [distinct, dim]
        gather_add(&self.genes, &tokens.ids.as_slice().into(), &encoded, &index)
    }
}

/// Returns the distinct values in the order of their first token, and for each token which one it has.
fn distinct(values: &[f32]) -> (Vec<f32>, Arc<[u32]>) {
    let mut seen = HashMap::new();
    let mut distinct = Vec::new();
    let index = values
        .iter()
        .map(|v| {
            *seen.entry(v.to_bits()).or_insert_with(|| {
                distinct.push(*v);
                (distinct.len() - 1) as u32
            })
        })
        .collect();
    (distinct, index)
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_are_encoded_once() {
        let (values, index) = super::distinct(&[2.0, 1.0, 2.0, 0.0]);
        assert_eq!(values, [2.0, 1.0, 0.0]);
        assert_eq!(*index, [0, 1, 0, 2]);
    }
}
