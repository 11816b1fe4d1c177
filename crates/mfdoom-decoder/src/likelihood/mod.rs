//! What the outputs of a decoder mean: how they are judged, what they predict, and where they start.
//!
//! A likelihood is one file here and one line in [`DecoderLoss::build`].

mod counts;
mod draw;
mod labels;
mod values;

use std::fmt::Debug;
use std::sync::Arc;

use candle_core::{Result, Tensor};
use mfdoom_nn::{MaskedCounts, ParameterBuilder, ParameterStore};
use serde::{Deserialize, Serialize};

pub(crate) use self::counts::{add_shares, log_factors};
pub use self::draw::{CountDistribution, CountDistributions, library_size};
use crate::config::DecoderConfig;
use crate::decoder::Outputs;
use crate::start::{Starter, Units};

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecoderLoss {
    /// Negative binomial likelihood of counts.
    Nb,
    /// The same with zero inflation.
    Zinb,
    /// Squared error, in units of the target's standard deviation.
    Mse,
    /// Huber's loss with threshold 1, in the same units.
    Huber,
    /// Cross-entropy of labels.
    CrossEntropy,
}

mfdoom_model::choices!(DecoderLoss { Nb, Zinb, Mse, Huber, CrossEntropy });

impl DecoderLoss {
    /// Takes the parameters of the likelihood that this loss belongs to.
    pub(crate) fn build(self, p: &ParameterBuilder, config: &DecoderConfig) -> Result<Arc<dyn Likelihood>> {
        Ok(match self {
            Self::Nb | Self::Zinb => Arc::new(counts::OfCounts::build(p, config)?),
            Self::Mse | Self::Huber => Arc::new(values::OfValues::build(p, config)?),
            Self::CrossEntropy => Arc::new(labels::OfLabels),
        })
    }

    /// Whether it is a likelihood of counts.
    pub fn is_of_counts(self) -> bool {
        matches!(self, Self::Nb | Self::Zinb)
    }

    /// Outputs of the network for each predicted value: another one for the gate where zeros are inflated.
    pub(crate) fn rows(self) -> usize {
        if self == Self::Zinb { 2 } else { 1 }
    }
}

/// What outputs mean.
pub trait Likelihood: Debug + Send + Sync {
    /// Returns the loss of outputs, over what was observed.
    ///
    /// # Errors
    /// Where the target is of another kind, or the device fails.
    fn loss(&self, config: &DecoderConfig, outputs: &Outputs, target: &Target) -> Result<Losses>;

    /// Returns what the outputs predict, `[cells, outputs]`: values in the units of the target, for counts
    /// `ln(1 + 1e4 x share)` with the shares of all genes of a target, for labels their probabilities.
    ///
    /// # Errors
    /// Where the device fails.
    fn predict(&self, config: &DecoderConfig, outputs: &Outputs) -> Result<Tensor>;

    /// Sets what is known of the outputs before anything is learned, and returns the units in which a regression of
    /// the targets is fitted; none where there is no such start.
    ///
    /// # Errors
    /// Where the store does not fit.
    fn start(
        &self,
        starter: &Starter<'_>,
        config: &DecoderConfig,
        store: &ParameterStore,
    ) -> mfdoom_error::Result<Option<Units>>;

    /// Returns the distributions that counts are drawn from; none where outputs are no counts.
    ///
    /// # Errors
    /// Where the device fails.
    fn distributions(&self, _: &DecoderConfig, _: &Outputs) -> Result<Option<CountDistributions>> {
        Ok(None)
    }
}

/// Values that were observed, as tensors.
#[derive(Clone, Debug)]
pub struct Values {
    /// `[cells, outputs]`, anything finite where not observed.
    pub values: Tensor,
    /// 1 where observed, else 0, `[cells, outputs]`.
    pub observed: Tensor,
}

/// Counts that were observed.
#[derive(Clone, Debug)]
pub struct ObservedCounts {
    /// Counts and whether they were observed, `[cells, outputs]` row by row.
    pub counts: MaskedCounts,
    /// Library size by cell and target, `[cells, targets]`.
    pub library: Vec<f32>,
}

/// What the outputs should be.
#[derive(Clone, Debug)]
pub enum Target {
    /// Real values, in the units of the target.
    Values(Values),
    /// Counts.
    Counts(ObservedCounts),
    /// The number of each cell's label.
    Labels(Vec<u32>),
}

impl Target {
    fn is_another<T>(&self, wanted: &str) -> Result<T> {
        candle_core::bail!("the target is not one of {wanted}")
    }
}

/// A loss and its terms.
#[derive(Clone, Debug)]
pub struct Losses {
    /// What is minimised, a scalar.
    pub total: Tensor,
    /// Scalars by name.
    pub terms: Vec<(&'static str, Tensor)>,
}
