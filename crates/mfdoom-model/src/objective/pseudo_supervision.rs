//! Labels for what is known, and for what is missing the predictions that each modality made before (Zhang et al.,
//! Learning unseen modality interaction, arXiv 2306.12795, section 3.2).
//!
//! ```text
//! M        mean over the labelled cells that show m of -ln softmax(O_m h_m)[label]        predictions of m alone
//! fusion   mean over the labelled cells of -ln softmax(F h)[label]                        first branch
//! fusion|M mean over the cells that show m of KL(p_m, softmax(G h))                       second branch
//! centres  mean over the labelled cells of the squared distance of h to its class's centre, by coordinate
//! ```
//!
//! h is `fusion`, h_m the output of modality m, and p_m the mean of what softmax(O_m h_m) was in all epochs before.

use candle_core::{DType, Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, gather, linear, log_softmax};

use super::outputs::{Outputs, rows};
use super::{NamedTerm, Needs, Terms};
use crate::config::ModelConfig;
use crate::scheme::Scheme;

/// Weight of the distance to the centres.
const CENTRES: f64 = 0.001;
/// Name of that term.
const TO_CENTRES: &str = "centres";

/// Cross-entropy of labels from fusion and from each modality, and divergence of fusion from earlier predictions.
#[derive(Debug)]
pub struct PseudoSupervision {
    branches: [Linear; 2],
    own: Vec<Linear>,
    /// `[classes, dim]`
    centres: Tensor,
}

/// A linear map to classes.
#[derive(Debug)]
struct Linear {
    weight: Tensor,
    bias: Tensor,
}

/// Labels of the cells of a batch.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The class of each cell, where it is known.
    pub classes: Vec<Option<u32>>,
    /// For each modality what it said of the cells before.
    pub said: Vec<Said>,
}

/// Shares of classes that a modality gives to cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Cells of the batch, ascending.
    pub cells: Vec<u32>,
    /// `[cells, classes]` row by row.
    pub shares: Vec<f32>,
}

impl Linear {
    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let init = Init::Linear { inputs: config.dim };
        let weight = p.get("weight", (config.classes, config.dim), init)?;
        Ok(Self { weight, bias: p.get("bias", config.classes, init)? })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        log_softmax(&linear(x, &self.weight, Some(&self.bias))?)
    }
}

impl Terms for PseudoSupervision {
    fn check(config: &ModelConfig, scheme: &Scheme) -> std::result::Result<(), String> {
        match (scheme.whole(), config.classes) {
            (None, _) => Err("needs fusion, and this scheme has none".into()),
            (_, 0 | 1) => Err("needs labels of two classes or more".into()),
            _ => Ok(()),
        }
    }

    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let p = p.pp("pseudo_supervision");
        let map = |name: &str| Linear::build(&p.pp(name), config);
        let own = |name: &String| Linear::build(&p.pp("own").pp(name), config);
        Ok(Self {
            branches: [map("labels")?, map("pseudo_labels")?],
            own: config.modalities.iter().map(own).collect::<Result<_>>()?,
            centres: p.get("centres", (config.classes, config.dim), Init::Normal(0.02))?,
        })
    }

    fn needs(&self, _: &Scheme) -> Needs {
        Needs { labels: true, ..Needs::default() }
    }

    fn weight(&self, _: &ModelConfig, term: &str) -> f64 {
        if term == TO_CENTRES { CENTRES } else { 1.0 }
    }

    fn terms(&self, outputs: &Outputs<'_>) -> Result<Vec<NamedTerm>> {
        let Some(labels) = &outputs.views.labels else { return Ok(Vec::new()) };
        let fusion = outputs.head("fusion")?;
        let names = &outputs.config().modalities;
        let any = labelled(labels, |cell| outputs.present.iter().any(|present| present[cell]));
        let mut all = vec![("fusion".to_owned(), cross_entropy(&self.branches[0], &fusion, &any)?)];
        for (m, name) in names.iter().enumerate() {
            let cells = labelled(labels, |cell| outputs.present[m][cell]);
            all.push((name.clone(), cross_entropy(&self.own[m], &outputs.head(name)?, &cells)?));
        }
        for ((m, name), said) in names.iter().enumerate().zip(&labels.said) {
            let said = said.only(|cell| outputs.present[m][cell]);
            all.push((format!("fusion|{name}"), self.divergence(&fusion, &said)?));
        }
        all.push((TO_CENTRES.to_owned(), self.to_centres(&fusion, &any)?));
        Ok(all)
    }

    fn said(&self, outputs: &Outputs<'_>) -> Result<Vec<Said>> {
        let said = |(m, name): (usize, &String)| {
            let cells = (0..outputs.cells()).filter(|cell| outputs.present[m][*cell]);
            let cells: Vec<u32> = cells.map(|cell| cell as u32).collect();
            if cells.is_empty() {
                return Ok(Said::default());
            }
            let shares = self.own[m].forward(&rows(&outputs.head(name)?.detach(), &cells)?)?.exp()?;
            let shares = shares.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
            Ok(Said { cells, shares })
        };
        outputs.config().modalities.iter().enumerate().map(said).collect()
    }
}

impl PseudoSupervision {
    /// Mean over the cells of `KL(said, second branch)`.
    fn divergence(&self, fusion: &Tensor, said: &Said) -> Result<Option<Tensor>> {
        if said.cells.is_empty() {
            return Ok(None);
        }
        let ours = self.branches[1].forward(&rows(fusion, &said.cells)?)?; // [cells, classes]
        let shares = Tensor::from_slice(&said.shares, ours.shape(), ours.device())?.to_dtype(ours.dtype())?;
        let n = said.cells.len() as f64;
        let entropy = said.shares.iter().map(|p| f64::from(*p)).filter(|p| *p > 0.0).map(|p| p * p.ln());
        (shares * ours)?.sum_all()?.affine(-1.0 / n, entropy.sum::<f64>() / n).map(Some)
    }

    fn to_centres(&self, fusion: &Tensor, (cells, classes): &Labelled) -> Result<Option<Tensor>> {
        if cells.is_empty() {
            return Ok(None);
        }
        let centres = gather(&self.centres, &classes.as_slice().into())?;
        (rows(fusion, cells)? - centres)?.sqr()?.mean_all().map(Some)
    }
}

impl Said {
    /// Returns what is said of some of the cells.
    fn only(&self, wanted: impl Fn(usize) -> bool) -> Self {
        let width = self.shares.len() / self.cells.len().max(1);
        let mut kept = Self::default();
        for (i, cell) in self.cells.iter().enumerate().filter(|(_, cell)| wanted(**cell as usize)) {
            kept.cells.push(*cell);
            kept.shares.extend_from_slice(&self.shares[i * width..(i + 1) * width]);
        }
        kept
    }
}

/// Cells with their classes.
type Labelled = (Vec<u32>, Vec<u32>);

fn labelled(labels: &Labels, wanted: impl Fn(usize) -> bool) -> Labelled {
    let known = labels.classes.iter().enumerate().filter(|(cell, _)| wanted(*cell));
    known.filter_map(|(cell, class)| Some((cell as u32, (*class)?))).unzip()
}

/// Mean over the cells of the negative log probability of their class.
fn cross_entropy(map: &Linear, vectors: &Tensor, (cells, classes): &Labelled) -> Result<Option<Tensor>> {
    if cells.is_empty() {
        return Ok(None);
    }
    let said = map.forward(&rows(vectors, cells)?)?;
    let (n, k) = said.dims2()?;
    let mut one_hot = vec![0f64; n * k];
    classes.iter().enumerate().for_each(|(row, class)| one_hot[row * k + *class as usize] = 1.0);
    let one_hot = Tensor::from_vec(one_hot, (n, k), said.device())?.to_dtype(said.dtype())?;
    (said * one_hot)?.sum(1)?.mean_all()?.neg().map(Some)
}
