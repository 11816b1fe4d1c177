//! What a decoder is made of, as stored in the `config.json` of its folder.

use std::collections::BTreeMap;

use mfdoom_error::{Error, Result};
use mfdoom_model::{ModelConfig, Scheme};
use serde::{Deserialize, Serialize};

use crate::chain::ChainConfig;
use crate::likelihood::DecoderLoss;
use crate::task::DecoderTask;

/// Largest size of anything, as in a model.
const MAX_SIZE: usize = 1 << 28;

/// Largest library size, and ratio of two: no cell has so many counts, and products stay finite.
const MAX_LIBRARY: f64 = 1e15;

/// Most cells of a chain.
const MAX_CHAIN: usize = 4096;

/// Version of a decoder's `config.json` that this crate reads and writes.
pub const DECODER_FORMAT: u32 = 2;

/// A whole decoder. Together with the configuration of its backbone it names all tensors `decoder.*`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderConfig {
    /// Version of this format, [`DECODER_FORMAT`].
    pub format: u32,
    /// What is decoded.
    pub task: DecoderTask,
    /// How the network asks.
    pub architecture: Architecture,
    /// The output of the backbone that the network sees.
    pub head: String,
    /// What is minimised.
    pub loss: DecoderLoss,
    /// What is predicted for each gene: modalities, or `velocity`; for labels the name of their column.
    pub targets: Vec<String>,
    /// Number of genes; 0 for labels.
    pub genes: usize,
    /// The labels; empty for every other task.
    pub classes: Vec<String>,
    /// Width of the product of queries and cells.
    pub rank: usize,
    /// Width of the MLP; 0 leaves a linear network (architecture `pooled` only).
    pub hidden: usize,
    /// The way past the backbone, from the counts of all genes.
    pub profile: Option<ProfileConfig>,
    /// How a cell reads those before it, where a decoder predicts what follows a chain of cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainConfig>,
    /// Weight of one minus the cosine of a cell, added to the squared or Huber error.
    pub cosine: f64,
    /// Library sizes of predicted modalities, for cells that lack them; for velocity those of every modality,
    /// the scale of a cell's state.
    pub libraries: BTreeMap<String, Library>,
    /// SHA-256 of the backbone's `model.safetensors`.
    pub backbone_sha256: String,
}

/// Sizes of the profile path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileConfig {
    /// Modalities that have such a path: those of the training cells.
    pub modalities: Vec<String>,
    /// Width of a gene vector.
    pub components: usize,
    /// Number of random features.
    pub features: usize,
    /// Whether the components themselves are features too, besides the random ones.
    #[serde(default)]
    pub linear: bool,
    /// Training cells of each modality that are kept, to tell a cell that is unlike all of them; 0 where the decoder
    /// says no error of a cell.
    #[serde(default)]
    pub landmarks: usize,
    /// Nearest of these, whose mean is half of what the path says of a cell; 0 where it speaks for itself.
    #[serde(default)]
    pub neighbours: usize,
}

/// How the network asks for a gene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// Gene queries attend to the hidden states of the head, then an MLP.
    Attention,
    /// Gene queries are multiplied by the pooled vector of the head.
    Pooled,
}

/// What becomes of the profile path when a decoder is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathUse {
    /// It stays as fitted, and the network learns what it leaves.
    Kept,
    /// It is trained with the network.
    Trained,
    /// There is none.
    Off,
}

/// Library sizes of a modality in the training cells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Library {
    /// Median.
    pub median: f64,
    /// Ratio to the library size of another modality, over the cells that have both.
    pub ratios: BTreeMap<String, f64>,
}

impl ProfileConfig {
    /// Number of all features.
    pub fn width(&self) -> usize {
        self.features + if self.linear { self.components } else { 0 }
    }
}

impl DecoderConfig {
    /// Reads a configuration from the value of a `config.json`.
    ///
    /// # Errors
    /// Incompatible where the format version is another, or a field is missing.
    pub fn from_json(value: &serde_json::Value) -> Result<Self> {
        let format = value.get("format").and_then(serde_json::Value::as_u64);
        if format != Some(u64::from(DECODER_FORMAT)) {
            return Err(Error::incompatible("config.json: decoder of another format version")
                .found(format.map_or("no version".into(), |v| v.to_string()))
                .wanted(DECODER_FORMAT.to_string())
                .help("use the release of MFDOOM that wrote the decoder, or train it anew"));
        }
        serde_json::from_value(value.clone())
            .map_err(|e| Error::incompatible("config.json: not a decoder configuration").source(e))
    }

    /// Checks that loss, architecture and head fit the task and the backbone.
    ///
    /// # Errors
    /// Usage, naming the setting.
    pub fn check(&self, backbone: &ModelConfig) -> Result<()> {
        let scheme = Scheme::of(backbone);
        let heads: Vec<&str> = scheme.outputs.iter().map(|o| o.name.as_str()).collect();
        let losses = self.task.losses();
        let names: Vec<String> = losses.iter().map(ToString::to_string).collect();
        if !losses.contains(&self.loss) {
            return Err(Error::usage(format!("--loss {} does not fit --task {}", self.loss, self.task))
                .wanted(names.join(" or ")));
        }
        if !heads.contains(&self.head.as_str()) {
            return Err(Error::usage(format!("--head: the model has no head '{}'", self.head))
                .wanted(heads.join(", ")));
        }
        if backbone.max_tokens == 0 && self.profile.is_none() {
            return Err(Error::incompatible(format!(
                "--task {}: the decoder would see nothing of a cell",
                self.task
            ))
            .found("a model whose tokens are profiles (--max-tokens 0), at which decoders do not look")
            .help("train the model with gene tokens: mfdoom-pretrain --max-tokens 128"));
        }
        let profile = self.profile.as_ref().map_or([1, 1], |profile| [profile.components, profile.features]);
        let sizes = [("--rank", self.rank), ("--components", profile[0]), ("--features", profile[1])];
        let landmarks = self.profile.as_ref().map_or(0, |profile| profile.landmarks);
        let neighbours = self.profile.as_ref().map_or(0, |profile| profile.neighbours);
        if neighbours > landmarks {
            return Err(Error::usage(format!("{neighbours} neighbours among {landmarks} landmarks"))
                .wanted("at most as many as there are landmarks"));
        }
        let most = [("--hidden", self.hidden), ("genes", self.genes), ("landmarks", landmarks)];
        let wrong = sizes.iter().find(|(_, n)| *n == 0 || *n > MAX_SIZE);
        if let Some((name, n)) = wrong.or(most.iter().find(|(_, n)| *n > MAX_SIZE)) {
            return Err(Error::usage(format!("{name} {n}")).wanted(format!("1 to {MAX_SIZE}")));
        }
        self.check_libraries()?;
        if !(self.cosine.is_finite() && self.cosine >= 0.0) {
            return Err(Error::usage(format!("--cosine {}", self.cosine)).wanted("a number from 0"));
        }
        if self.architecture == Architecture::Attention && self.chain.is_some() {
            return Err(Error::usage(format!("--architecture attention does not fit --task {}", self.task))
                .wanted("pooled: chains are of pooled vectors"));
        }
        if self.chain.as_ref().is_some_and(|chain| chain.length == 0 || chain.length > MAX_CHAIN) {
            return Err(Error::usage("--chain-length").wanted(format!("1 to {MAX_CHAIN}")));
        }
        if self.architecture == Architecture::Attention && self.hidden == 0 {
            return Err(Error::usage("--hidden 0: attention ends in an MLP").wanted("at least 1"));
        }
        if self.outputs() == 0 {
            return Err(Error::usage("the decoder has nothing to predict").help("give other --targets"));
        }
        Ok(())
    }

    fn check_libraries(&self) -> Result<()> {
        let sizes = self.libraries.iter().flat_map(|(name, library)| {
            let ratios = library.ratios.values();
            std::iter::once(&library.median).chain(ratios).map(move |size| (name, *size))
        });
        let mut wrong = sizes.filter(|(_, size)| !(0.0..=MAX_LIBRARY).contains(size));
        match wrong.next() {
            None => Ok(()),
            Some((name, size)) => Err(Error::usage(format!("libraries: {size} in '{name}'"))
                .wanted(format!("library sizes and their ratios of 0 to {MAX_LIBRARY:e}"))),
        }
    }

    /// Number of predicted values of a cell: genes of every target, target by target, or labels.
    pub fn outputs(&self) -> usize {
        match self.classes.len() {
            0 => self.targets.len() * self.genes,
            labels => labels,
        }
    }

    /// Number of queries: another one for each output's gate where zeros are inflated.
    pub fn rows(&self) -> usize {
        self.loss.rows() * self.outputs()
    }
}

mfdoom_model::choices!(Architecture { Attention, Pooled });
mfdoom_model::choices!(PathUse { Kept, Trained, Off });
