//! What `metrics.json` holds; fields are written in the order given here.

use serde::Serialize;

use super::Setup;
use super::baselines::{KNN_COMPONENTS, NEIGHBORS, RIDGE_COMPONENTS};
use super::score::MEAN_WEIGHT;
use crate::embedding::Source;
use crate::report::shown;

/// All scores of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// The program.
    pub stage: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What decides the numbers.
    pub settings: Settings,
    /// Predictions, tokens, then training tokens where given.
    pub inputs: Vec<Source>,
    /// How many cells took part.
    pub cells: Cells,
    /// Genes of the predictions.
    pub genes: usize,
    /// Each predicted modality.
    pub modalities: Vec<ModalityScores>,
}

/// What decides the numbers, beside the inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Modality that the baselines see.
    pub input: Option<String>,
    /// `training` or `scored`: the cells that shares and dispersions of the mean-gene model are from.
    pub reference: &'static str,
    /// Components that ridge regression sees.
    pub ridge_components: usize,
    /// Components that neighbours are found in.
    pub knn_components: usize,
    /// Neighbours that are averaged.
    pub knn_neighbors: usize,
    /// Weight of the mean-gene share in every method's.
    pub mean_weight: f64,
    /// Most cells scored, and learnt from.
    pub max_cells: usize,
    /// Seed of the choice of cells, of the components and of the cells that a penalty is chosen on.
    pub seed: u64,
}

/// Numbers of cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cells {
    /// In the predictions.
    pub predicted: usize,
    /// Drawn of these (`--max-cells`).
    pub drawn: usize,
    /// Of these, in the tokens.
    pub matched: usize,
    /// Training cells drawn.
    pub training: Option<usize>,
}

/// Scores of one modality.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModalityScores {
    /// The modality.
    pub modality: String,
    /// Why it was not scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Cells scored: with counts in it, and in the input of the baselines.
    pub cells: usize,
    /// Matched cells without those counts.
    pub without_counts: usize,
    /// Training cells that baselines and dispersions are from.
    pub training: Option<usize>,
    /// Genes scored: predicted, measured in all data sets, with counts in the training (else scored) cells.
    pub genes: usize,
    /// The prediction, then the baselines.
    pub methods: Vec<MethodScores>,
}

/// Scores of one method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MethodScores {
    /// `predicted`, `mean`, `ridge_pca50` or `knn30_pca30`.
    pub name: &'static str,
    /// `prediction` or `baseline`.
    pub kind: &'static str,
    /// Genes that vary over the scored cells.
    pub pearson_genes: usize,
    /// Pearson's correlation over cells of ln(1 + 1e4 x share), over the genes that vary; 0 of a constant.
    pub pearson: Option<Pearson>,
    /// Mean negative-binomial deviance over cells and genes.
    pub deviance: f64,
    /// 1 - deviance / that of the mean-gene model; null where that is 0.
    pub explained: Option<f64>,
}

/// Pearson's correlation over genes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pearson {
    /// Median.
    pub median: f64,
    /// First quartile.
    pub q25: f64,
    /// Third quartile.
    pub q75: f64,
}

impl ModalityScores {
    /// Returns the entry of a modality that cannot be scored.
    pub(super) fn skipped(modality: &str, why: String) -> Self {
        Self {
            modality: modality.to_owned(),
            skipped: Some(why),
            cells: 0,
            without_counts: 0,
            training: None,
            genes: 0,
            methods: Vec::new(),
        }
    }
}

impl Metrics {
    pub(super) fn new(setup: &Setup, modalities: Vec<ModalityScores>) -> Self {
        let Setup { args, profiles, cells, training, .. } = setup;
        let training = training.as_ref().map(|training| &training.cells);
        let inputs = [Some(&profiles.source), Some(&cells.source), training.map(|cells| &cells.source)];
        Self {
            stage: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            settings: Settings {
                input: args.input.clone(),
                reference: if training.is_some() { "training" } else { "scored" },
                ridge_components: RIDGE_COMPONENTS,
                knn_components: KNN_COMPONENTS,
                knn_neighbors: NEIGHBORS,
                mean_weight: MEAN_WEIGHT,
                max_cells: args.max_cells,
                seed: args.seed.seed,
            },
            inputs: inputs.into_iter().flatten().cloned().collect(),
            cells: Cells {
                predicted: profiles.n_total,
                drawn: profiles.cells.len(),
                matched: cells.len(),
                training: training.map(super::cells::Cells::len),
            },
            genes: profiles.genes.len(),
            modalities,
        }
    }

    /// Returns the scores as lines for people.
    pub(super) fn summary(&self) -> String {
        let mut lines = Vec::new();
        for scores in &self.modalities {
            let ModalityScores { modality, cells, genes, .. } = scores;
            match &scores.skipped {
                Some(why) => lines.push(format!("{modality}: not scored, {why}")),
                None => lines.push(format!("{modality}: {cells} cells, {genes} genes")),
            }
            lines.extend(scores.methods.iter().map(|method| {
                let [pearson, explained] = [method.pearson.as_ref().map(|all| all.median), method.explained];
                let [pearson, explained] = [pearson, explained].map(shown);
                let MethodScores { name, deviance, .. } = method;
                format!("  {name:<12} Pearson {pearson}, deviance {deviance:.4}, explained {explained}")
            }));
        }
        lines.join("\n")
    }
}
