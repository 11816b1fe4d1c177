//! What a model is made of: sizes, the fusion scheme and the objectives, as stored in `config.json`.

mod contrastive;

use std::collections::{BTreeMap, BTreeSet};

pub use contrastive::{Among, Contrastive, Negatives, Reduction, Temperature};
use mfdoom_error::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::anchor::AnchorConfig;
use crate::choice::choices;
use crate::objective::Objective;
use crate::scheme::{Fusing, Fusion, Scheme};

/// Version of `config.json` that this crate reads and writes.
pub const FORMAT: u32 = 1;

/// Largest size of anything: beyond every network, and small enough that products of sizes do not overflow.
const MAX_SIZE: usize = 1 << 28;

/// Most modalities of a model; `modal-channel` has a block for every set of them.
const MAX_MODALITIES: usize = 16;

/// A whole model. Two equal configurations have the same tensors under the same names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Version of this format, [`FORMAT`].
    pub format: u32,
    /// Names of the modalities, in the order of the outputs.
    pub modalities: Vec<String>,
    /// Rows of a gene table: the vocabulary's genes and the reserved row 0.
    pub vocab: usize,
    /// Width of the hidden states.
    pub dim: usize,
    /// Number of layers.
    pub depth: usize,
    /// Attention heads of a layer.
    pub heads: usize,
    /// Width of an attention head.
    pub dim_head: usize,
    /// Feed-forward width over `dim`, before GEGLU's factor of two thirds.
    pub ff_mult: f64,
    /// Learned tokens of one fusion block.
    pub fusion_tokens: usize,
    /// Who reads what.
    pub fusion: Fusion,
    /// How a count becomes the input of the value encoder.
    pub value_transform: ValueTransform,
    /// Raw counts are clamped to this before any transform.
    pub max_value: f64,
    /// Data sets that the decoder of `reconstruction` has a code for.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub datasets: usize,
    /// Classes that `pseudo-supervision` tells apart.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub classes: usize,
    /// Numbers that `pseudo-supervision` predicts in place of classes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub numbers: usize,
    /// Rows of a modality that carry its coordinates in the closed form and its sizes, besides those of its genes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub profile_tokens: usize,
    /// The closed-form model next to the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<AnchorConfig>,
    /// Whether all modalities share one gene table.
    pub shared_genes: bool,
    /// Tokens of a modality that a cell keeps, see `mfdoom-train`.
    pub max_tokens: usize,
    /// Constant under the root of every LayerNorm.
    pub ln_eps: f64,
    /// Which inputs of a layer are normalised.
    pub layer_style: LayerStyle,
    /// Rows of the gene tables are projected into a ball of this radius between training steps.
    pub embed_max_norm: Option<f64>,
    /// Weight of each objective; what is absent or zero is not computed.
    pub objectives: BTreeMap<Objective, f64>,
    /// Settings of the contrastive objective.
    pub contrastive: Contrastive,
    /// Weight of every term of the combinatorial objective but the first pair's, which has 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub other_pairs: f64,
}

/// How a raw count becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueTransform {
    /// `ln(1 + count)`.
    Log1p,
    /// `ln(1 + 1e4 count / library size)`.
    LogNormalized,
    /// The count itself.
    Raw,
}

/// Which inputs of a layer are normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerStyle {
    /// Queries, keys, values and the feed-forward input.
    Prenorm,
    /// Only the queries, as in weights of the first implementation's XLA version.
    Xla,
}

/// A named size of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// 64 wide, 2 layers, 4 heads of 16, 8 fusion tokens, 128 tokens a modality.
    Tiny,
    /// 128 wide, 4 layers, 4 heads of 32, 8 fusion tokens, 512 tokens a modality.
    Small,
    /// 512 wide, 6 layers, 8 heads of 64, 16 fusion tokens, 1024 tokens a modality.
    Base,
    /// As base, with 10 layers.
    Paper,
}

impl Preset {
    /// Returns the highest learning rate that is known to serve this size.
    pub fn learning_rate(self) -> f64 {
        match self {
            Self::Tiny => 3e-3,
            Self::Small | Self::Base | Self::Paper => 1e-3,
        }
    }
}

impl ModelConfig {
    /// Returns the configuration of `preset` for `modalities` over a vocabulary of `genes` genes.
    pub fn preset(preset: Preset, modalities: Vec<String>, genes: usize) -> Self {
        let [dim, depth, heads, dim_head, fusion_tokens, max_tokens] = match preset {
            Preset::Tiny => [64, 2, 4, 16, 8, 128],
            Preset::Small => [128, 4, 4, 32, 8, 512],
            Preset::Base => [512, 6, 8, 64, 16, 1024],
            Preset::Paper => [512, 10, 8, 64, 16, 1024],
        };
        Self {
            format: FORMAT,
            modalities,
            vocab: genes + 1,
            dim,
            depth,
            heads,
            dim_head,
            ff_mult: 4.0,
            fusion_tokens,
            fusion: Fusion::LeaveOneOut,
            value_transform: ValueTransform::Log1p,
            max_value: 10_000.0,
            datasets: 0,
            classes: 0,
            numbers: 0,
            profile_tokens: 0,
            anchor: None,
            shared_genes: true,
            max_tokens,
            ln_eps: 1e-5,
            layer_style: LayerStyle::Prenorm,
            embed_max_norm: None,
            objectives: [(Objective::Contrastive, 1.0), (Objective::Invariance, 1.0)].into(),
            contrastive: Contrastive::default(),
            other_pairs: 1.0,
        }
    }

    /// Reads a configuration from the value of a `config.json`.
    ///
    /// # Errors
    /// Incompatible where the format version is another, or a field is missing or out of range.
    pub fn from_json(value: &serde_json::Value) -> Result<Self> {
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        if format != Some(u64::from(FORMAT)) {
            return Err(Error::incompatible("config.json: model of another format version")
                .found(format.map_or("no version".into(), |v| v.to_string()))
                .wanted(FORMAT.to_string())
                .help("use the release of MFDOOM that wrote the model, or train it anew"));
        }
        let config: Self = serde_json::from_value(value.clone())
            .map_err(|e| Error::incompatible("config.json: not a model configuration").source(e))?;
        config.check().map_err(|e| Error::incompatible("config.json: no usable model").source(e))?;
        Ok(config)
    }

    /// Checks that sizes are usable and that the objectives fit the fusion scheme.
    ///
    /// # Errors
    /// Usage, naming the setting.
    pub fn check(&self) -> Result<()> {
        self.check_sizes()?;
        self.check_numbers()?;
        if let Some(name) = self.modalities.iter().find(|m| !is_modality_name(m)) {
            return Err(Error::usage(format!("model: '{name}' cannot name a modality"))
                .wanted("letters, digits, '_' and '-'"));
        }
        match &self.anchor {
            Some(anchor) => anchor.check(&self.modalities)?,
            None if self.profile_tokens > 0 => {
                return Err(Error::usage("model: profile tokens need the closed form")
                    .help("--profile-tokens 0, or --anchor blend"));
            }
            None => {}
        }
        self.check_scheme(&Scheme::of(self))
    }

    fn check_sizes(&self) -> Result<()> {
        let sizes = [
            ("vocab", self.vocab),
            ("dim", self.dim),
            ("heads", self.heads),
            ("dim_head", self.dim_head),
            ("ff_inner", self.ff_inner()),
            // a modality may be seen by its profile tokens alone
            ("max_tokens", self.max_tokens + self.profile_tokens.min(1)),
        ];
        if let Some((name, n)) = sizes.iter().find(|(_, n)| *n == 0 || *n > MAX_SIZE) {
            return Err(Error::usage(format!("model: {name} is {n}")).wanted(format!("1 to {MAX_SIZE}")));
        }
        let n = self.modalities.len();
        if n == 0 || n > MAX_MODALITIES {
            return Err(
                Error::usage(format!("model: {n} modalities")).wanted(format!("1 to {MAX_MODALITIES}"))
            );
        }
        let most = [
            ("depth", self.depth),
            ("fusion_tokens", self.fusion_tokens),
            ("datasets", self.datasets),
            ("classes", self.classes),
            ("numbers", self.numbers),
            ("profile_tokens", self.profile_tokens),
        ];
        if let Some((name, n)) = most.iter().find(|(_, n)| *n > MAX_SIZE) {
            return Err(Error::usage(format!("model: {name} is {n}")).wanted(format!("at most {MAX_SIZE}")));
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<()> {
        let numbers = [("ff_mult", self.ff_mult), ("max_value", self.max_value), ("ln_eps", self.ln_eps)];
        if let Some((name, x)) = numbers.iter().find(|(_, x)| !(x.is_finite() && *x > 0.0)) {
            return Err(Error::usage(format!("model: {name} is {x}")).wanted("a number above 0"));
        }
        if !(self.other_pairs.is_finite() && self.other_pairs > 0.0) {
            return Err(Error::usage(format!("model: other pairs have the weight {}", self.other_pairs))
                .wanted("a number above 0"));
        }
        if let Some((name, x)) = self.objectives.iter().find(|(_, x)| !(x.is_finite() && **x >= 0.0)) {
            return Err(
                Error::usage(format!("model: objective {name} has the weight {x}")).wanted("a number from 0")
            );
        }
        Ok(())
    }

    fn check_scheme(&self, scheme: &Scheme) -> Result<()> {
        let mut seen = BTreeSet::new();
        if let Some(twice) = scheme.outputs.iter().find(|output| !seen.insert(&output.name)) {
            return Err(Error::usage(format!("model: two heads are called '{}'", twice.name))
                .help("rename the modality in mfdoom-preprocess: --modality NAME=SOURCE"));
        }
        let tokens = scheme.fusing != Fusing::Copies && !scheme.blocks.is_empty();
        if tokens && self.fusion_tokens == 0 {
            return Err(Error::usage("model: a fusion scheme needs fusion tokens")
                .help("--fusion-tokens 8, or --fusion none"));
        }
        for (objective, _) in self.objectives.iter().filter(|(_, weight)| **weight > 0.0) {
            objective.check(self, scheme).map_err(|why| {
                Error::usage(format!("model: '{objective}' {why}"))
                    .help(format!("--objective {objective}=0, or another --fusion"))
            })?;
        }
        Ok(())
    }

    /// Returns the weight of an objective, 0 where it is off.
    pub fn weight(&self, objective: Objective) -> f64 {
        self.objectives.get(&objective).copied().unwrap_or(0.0)
    }

    /// Width of all heads together.
    pub fn inner(&self) -> usize {
        self.heads * self.dim_head
    }

    /// Width of the feed-forward layer after GEGLU.
    pub fn ff_inner(&self) -> usize {
        (self.dim as f64 * self.ff_mult * 2.0 / 3.0) as usize
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

fn one() -> f64 {
    1.0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(x: &f64) -> bool {
    *x == 1.0
}

/// Whether a name can stand in the names of tensors and columns.
fn is_modality_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

choices!(LayerStyle { Prenorm, Xla });
choices!(Preset { Tiny, Small, Base, Paper });
choices!(ValueTransform { Log1p, LogNormalized, Raw });

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> ModelConfig {
        ModelConfig::preset(Preset::Tiny, vec!["spliced".into(), "expression".into()], 100)
    }

    #[test]
    fn survives_json() {
        let value = serde_json::to_value(tiny()).unwrap();
        assert_eq!(value["fusion"], "leave-one-out");
        assert_eq!(ModelConfig::from_json(&value).unwrap(), tiny());
    }

    #[test]
    fn refuses_another_format_and_unknown_fields() {
        let mut value = serde_json::to_value(tiny()).unwrap();
        value["widgets"] = 3.into();
        assert_eq!(ModelConfig::from_json(&value).unwrap_err().exit_code(), 4);
        value["format"] = 99.into();
        assert_eq!(ModelConfig::from_json(&value).unwrap_err().exit_code(), 4);
    }

    #[test]
    fn refuses_objectives_that_the_scheme_cannot_compute() {
        let config = ModelConfig { fusion: Fusion::None, ..tiny() };
        assert!(config.check().unwrap_err().to_string().contains("invariance"));
        assert!(ModelConfig { heads: 0, ..tiny() }.check().is_err());
        assert!(ModelConfig { modalities: vec!["global".into()], ..tiny() }.check().is_err());
    }

    #[test]
    fn names_are_those_of_the_json_form() {
        assert_eq!("leave-one-out".parse(), Ok(Fusion::LeaveOneOut));
        assert_eq!(ValueTransform::LogNormalized.to_string(), "log_normalized");
        assert!("zoro".parse::<Fusion>().unwrap_err().contains("zorro"));
    }

    #[test]
    fn geglu_width_is_two_thirds_rounded_down() {
        assert_eq!(ModelConfig { dim: 32, ..tiny() }.ff_inner(), 85);
        assert_eq!(tiny().ff_inner(), 170);
    }
}
