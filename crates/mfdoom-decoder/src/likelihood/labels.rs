//! A label of a cell: cross-entropy.

use candle_core::{Result, Tensor};
use mfdoom_nn::{ParameterStore, log_softmax};

use super::{Likelihood, Losses, Target};
use crate::config::DecoderConfig;
use crate::decoder::Outputs;
use crate::start::{Starter, Units, set};

/// Outputs are the logits of labels.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfLabels;

impl Likelihood for OfLabels {
    fn loss(&self, _: &DecoderConfig, outputs: &Outputs, target: &Target) -> Result<Losses> {
        let Target::Labels(labels) = target else { return target.is_another("labels") };
        let (cells, _) = outputs.values.dims2()?;
        let labels = Tensor::from_slice(labels, (cells, 1), outputs.values.device())?;
        let total = log_softmax(&outputs.values)?.gather(&labels, 1)?.mean_all()?.neg()?;
        Ok(Losses { terms: vec![("cross_entropy", total.clone())], total })
    }

    fn predict(&self, _: &DecoderConfig, outputs: &Outputs) -> Result<Tensor> {
        log_softmax(&outputs.values)?.exp()
    }

    /// Sets the bias to the logarithm of each label's share.
    fn start(
        &self,
        starter: &Starter<'_>,
        config: &DecoderConfig,
        store: &ParameterStore,
    ) -> mfdoom_error::Result<Option<Units>> {
        let mut counts = vec![0.5f32; config.outputs()];
        starter.each_target(|target| {
            if let Target::Labels(labels) = target {
                labels.iter().for_each(|label| counts[*label as usize] += 1.0);
            }
        })?;
        let total: f32 = counts.iter().sum();
        set(store, "decoder.bias", counts.iter().map(|c| (c / total).ln()).collect())?;
        Ok(None)
    }
}
