//! Labels for what is known, and for what is missing the predictions that each modality made before (Zhang et al.,
//! Learning unseen modality interaction, arXiv 2306.12795, section 3.2).
//!
//! ```text
//! M        mean over the labelled cells that show m of E(label, O_m h_m)             predictions of m alone
//! fusion   mean over the labelled cells of E(label, F h)                             first branch
//! fusion|M mean over the cells that show m of E(p_m, G h)                            second branch
//! centres  mean over the labelled cells of the squared distance of h to its class's centre, by coordinate
//! ```
//!
//! h is `fusion`, h_m the output of modality m, and p_m the mean of what O_m h_m said in all epochs before. E is the error of
//! `answers.rs`: of classes the divergence from softmax, of numbers the squared error. Numbers have no centres.

use candle_core::{Result, Tensor};
use mfdoom_nn::{Init, ParameterBuilder, gather};

use super::answers::{Answer, Kind, Said};
use super::outputs::{Outputs, rows};
use super::{NamedTerm, Needs, Terms};
use crate::config::ModelConfig;
use crate::scheme::Scheme;

/// Weight of the distance to the centres.
const CENTRES: f64 = 0.001;
/// Name of that term.
const TO_CENTRES: &str = "centres";

/// Errors of labels from fusion and from each modality, and of earlier predictions from fusion.
#[derive(Debug)]
pub struct PseudoSupervision {
    branches: [Answer; 2],
    own: Vec<Answer>,
    /// `[classes, dim]`
    centres: Option<Tensor>,
}

impl Terms for PseudoSupervision {
    fn check(config: &ModelConfig, scheme: &Scheme) -> std::result::Result<(), String> {
        match (scheme.whole(), config.classes, config.numbers) {
            (None, _, _) => Err("needs fusion, and this scheme has none".into()),
            (_, 0 | 1, 0) => Err("needs labels of two classes or more, or numbers to predict".into()),
            (_, 1.., 1..) => Err("learns from classes or from numbers, not from both".into()),
            _ => Ok(()),
        }
    }

    fn build(p: &ParameterBuilder, config: &ModelConfig) -> Result<Self> {
        let p = p.pp("pseudo_supervision");
        let map = |name: &str| Answer::build(&p.pp(name), config);
        let own = |name: &String| Answer::build(&p.pp("own").pp(name), config);
        let centres = || p.get("centres", (config.classes, config.dim), Init::Normal(0.02));
        Ok(Self {
            branches: [map("labels")?, map("pseudo_labels")?],
            own: config.modalities.iter().map(own).collect::<Result<_>>()?,
            centres: (Kind::of(config) == Kind::Classes).then(centres).transpose()?,
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
        let (config, names) = (outputs.config(), &outputs.config().modalities);
        let any = |cell: usize| outputs.present.iter().any(|present| present[cell]);
        let known = labels.known(config, any);
        let mut all = vec![("fusion".to_owned(), self.branches[0].error(&fusion, &known)?)];
        for (m, name) in names.iter().enumerate() {
            let known = known.only(|cell| outputs.present[m][cell]);
            all.push((name.clone(), self.own[m].error(&outputs.head(name)?, &known)?));
        }
        for ((m, name), said) in names.iter().enumerate().zip(&labels.said) {
            let said = said.only(|cell| outputs.present[m][cell]);
            all.push((format!("fusion|{name}"), self.branches[1].error(&fusion, &said)?));
        }
        if let Some(centres) = &self.centres {
            let (cells, classes): (Vec<u32>, Vec<u32>) =
                labels.classes_of(any).map(|(cell, class)| (cell as u32, class)).unzip();
            all.push((TO_CENTRES.to_owned(), to_centres(centres, &fusion, &cells, &classes)?));
        }
        Ok(all)
    }

    fn said(&self, outputs: &Outputs<'_>) -> Result<Vec<Said>> {
        let said = |(m, name): (usize, &String)| {
            let cells = (0..outputs.cells()).filter(|cell| outputs.present[m][*cell]);
            self.own[m].say(&outputs.head(name)?.detach(), cells.map(|cell| cell as u32).collect())
        };
        outputs.config().modalities.iter().enumerate().map(said).collect()
    }
}

fn to_centres(centres: &Tensor, fusion: &Tensor, cells: &[u32], classes: &[u32]) -> Result<Option<Tensor>> {
    if cells.is_empty() {
        return Ok(None);
    }
    let centres = gather(centres, &classes.into())?;
    (rows(fusion, cells)? - centres)?.sqr()?.mean_all().map(Some)
}
