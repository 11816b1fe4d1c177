//! Settings of the contrastive objective.

use serde::{Deserialize, Serialize};

use crate::choice::choices;

/// Settings of the contrastive objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contrastive {
    /// Whether pooled vectors are L2-normalised before the product.
    pub l2_normalize: bool,
    /// Which outputs are compared.
    #[serde(default, skip_serializing_if = "Among::is_default")]
    pub among: Among,
    /// Which cells serve as negatives.
    pub negatives: Negatives,
    /// How terms become one number.
    pub reduction: Reduction,
    /// One temperature, or one for each pair.
    pub temperature: Temperature,
    /// Lower bound of the log-temperature.
    pub logit_scale_min: f64,
    /// Upper bound of the log-temperature.
    pub logit_scale_max: f64,
}

/// Which outputs the contrastive objective compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Among {
    /// Every pair of modalities.
    Modalities,
    /// And each modality with fusion of all of them.
    #[default]
    Fusion,
    /// And that fusion with every other block, over the cells that have a modality of it.
    Blocks,
}

impl Among {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which cells serve as negatives of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Negatives {
    /// Every cell of the batch, also one that lacks a side.
    All,
    /// Cells that have both sides.
    Present,
}

/// How the terms of an objective become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reduction {
    /// Mean over the valid terms.
    Mean,
    /// Sum over the valid terms.
    Sum,
}

/// How many temperatures there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Temperature {
    /// One for all pairs.
    Shared,
    /// One for each pair.
    PerPair,
}

impl Default for Contrastive {
    fn default() -> Self {
        Self {
            l2_normalize: true,
            among: Among::Fusion,
            negatives: Negatives::Present,
            reduction: Reduction::Mean,
            temperature: Temperature::Shared,
            logit_scale_min: 0.0,
            logit_scale_max: 100f64.ln(),
        }
    }
}

choices!(Among { Fusion, Modalities, Blocks });
choices!(Negatives { Present, All });
choices!(Reduction { Mean, Sum });
choices!(Temperature { Shared, PerPair });
