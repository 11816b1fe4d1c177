//! Matching: whether the modalities that are shown belong to one cell (FLAVA, arXiv 2112.04482, ALBEF's image-text matching).

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, linear, log_softmax};

use super::outputs::{Outputs, head, rows};
use super::{NamedTerm, Needs, Terms};
use crate::batch::PackedBatch;
use crate::config::ModelConfig;
use crate::scheme::Scheme;

/// Cross-entropy of two classes, read from `global`, or from `fusion` in a scheme that has none, over the cells that show
/// two modalities or more. Some of them were given a modality of another cell.
#[derive(Debug)]
pub struct Matching {
    weight: Tensor,
    bias: Tensor,
}

/// A batch in which some cells have a modality of another one.
#[derive(Clone, Debug, Default)]
pub struct Mixed {
    /// What is shown after the exchange.
    pub batch: PackedBatch,
    /// For each cell whether its modalities belong together; none for cells that show fewer than two.
    pub matched: Vec<Option<bool>>,
}

/// Returns the head that reads all modalities.
fn of_all(scheme: &Scheme) -> Option<&'static str> {
    ["global", "fusion"].into_iter().find(|name| scheme.output(name).is_some())
}

impl Terms for Matching {
    fn check(config: &ModelConfig, scheme: &Scheme) -> std::result::Result<(), String> {
        match (of_all(scheme), config.modalities.len()) {
            (None, _) => Err("needs fusion, and this scheme has none".into()),
            (_, 0 | 1) => Err("needs two modalities".into()),
            _ => Ok(()),
        }
    }

    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let (p, init) = (p.pp("matching"), Init::Linear { inputs: config.dim });
        Ok(Self { weight: p.get("weight", (2, config.dim), init)?, bias: p.get("bias", 2, init)? })
    }

    fn needs(&self, _: &Scheme) -> Needs {
        Needs { mixed: true, ..Needs::default() }
    }

    fn terms(&self, outputs: &Outputs<'_>) -> Result<Vec<NamedTerm>> {
        let model = outputs.model;
        let (Some(mixed), Some(name)) = (&outputs.views.mixed, of_all(model.scheme())) else {
            return Ok(Vec::new());
        };
        let judged = || mixed.matched.iter().enumerate().filter_map(|(c, matched)| Some((c, (*matched)?)));
        let cells: Vec<u32> = judged().map(|(cell, _)| cell as u32).collect();
        if cells.is_empty() {
            return Ok(vec![(name.into(), None)]);
        }
        let vectors = rows(&head(model, &model.forward(&mixed.batch)?, name)?, &cells)?;
        let said = log_softmax(&linear(&vectors, &self.weight, Some(&self.bias))?)?;
        let one_hot: Vec<f64> = judged().flat_map(|(_, m)| if m { [0.0, 1.0] } else { [1.0, 0.0] }).collect();
        let one_hot = Tensor::from_vec(one_hot, (cells.len(), 2), said.device())?.to_dtype(said.dtype())?;
        let value = (said * one_hot)?.sum(1)?.mean_all()?.neg()?;
        Ok(vec![(name.into(), Some(value))])
    }
}
