//! What `metrics.json` holds; fields are written in the order given here.

use std::collections::BTreeMap;

use mfdoom_metrics as metrics;
use serde::Serialize;

use crate::args::EmbeddingArgs;

/// All scores of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// The program.
    pub stage: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What decides the numbers.
    pub settings: Settings,
    /// Embeddings, then tokens where given.
    pub inputs: Vec<Source>,
    /// How many cells took part.
    pub cells: Cells,
    /// How many scored cells bear each label.
    pub labels: Vec<LabelCount>,
    /// Label transfer, one entry per set of cells.
    pub label_transfer: Vec<CellSetScores>,
    /// Retrieval, one entry per pair of heads; cells need no label for it.
    pub retrieval: Vec<RetrievalScores>,
}

/// What decides the numbers, beside the inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Column of the labels.
    pub label: String,
    /// Column of the batches.
    pub batch_key: Option<String>,
    /// Heads asked for; none stands for all.
    pub heads: Vec<String>,
    /// Folds of label transfer.
    pub folds: usize,
    /// Neighbours that vote.
    pub neighbors: usize,
    /// Principal components of the counts.
    pub components: usize,
    /// Most cells scored.
    pub max_cells: usize,
    /// Seed of folds and of the choice of cells.
    pub seed: u64,
}

/// An input and its identity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Source {
    /// Base name.
    pub name: String,
    /// Content id of its manifest, else SHA-256 of the file; null for a foreign stream.
    pub content_id: Option<String>,
}

/// Numbers of cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cells {
    /// In the embeddings.
    pub total: usize,
    /// Drawn of these (`--max-cells`), without those that have no embedding.
    pub drawn: usize,
    /// Drawn cells with label (and tokens): those of label transfer.
    pub scored: usize,
    /// Drawn cells without label.
    pub without_label: usize,
    /// Drawn cells that are not in the tokens.
    pub without_tokens: Option<usize>,
    /// Cells whose vector is all NaN (h5ad only).
    pub without_embedding: usize,
}

/// How many cells bear a label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelCount {
    /// The label.
    pub name: String,
    /// Cells.
    pub n: usize,
}

/// Label transfer on one set of cells, the same folds for all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellSetScores {
    /// `all`, or `with MODALITY, ...`: the cells measured in these.
    pub cells: String,
    /// Number of cells.
    pub n: usize,
    /// Why the set was not scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// Heads, then baselines.
    pub scores: Vec<Score>,
}

/// Label transfer of one head or baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Head, or `pca50_<modality>`.
    pub name: String,
    /// `head` or `baseline`.
    pub kind: &'static str,
    /// Length of the vectors.
    pub dim: usize,
    /// Genes of a baseline: those that every data set of these cells measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub genes: Option<usize>,
    /// Share of cells predicted rightly.
    pub accuracy: f64,
    /// Mean over labels of the share of their cells predicted rightly.
    pub balanced_accuracy: f64,
    /// Cells whose label no cell of another fold bears; in no score.
    pub unscored: usize,
    /// The same within each fold.
    pub folds: Vec<Fold>,
    /// Share of each label's cells predicted rightly.
    pub recall: BTreeMap<String, f64>,
}

/// Label transfer within a fold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fold {
    /// Cells scored.
    pub n: usize,
    /// Share of cells predicted rightly.
    pub accuracy: f64,
    /// Mean over the labels of the fold.
    pub balanced_accuracy: f64,
}

/// Retrieval between two heads: the mean of both directions, and each.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RetrievalScores {
    /// The one head.
    pub first: String,
    /// The other head.
    pub second: String,
    /// Cells that have both, which are the candidates.
    pub n: usize,
    /// Share of cells found at once.
    pub recall_1: f64,
    /// Share of cells found among five.
    pub recall_5: f64,
    /// Share of cells found among ten.
    pub recall_10: f64,
    /// Median rank of the right cell.
    pub median_rank: f64,
    /// What recall_10 would be by chance.
    pub chance_recall_10: f64,
    /// Cells of the first looked up in the second.
    pub forward: RetrievalDirection,
    /// Cells of the second looked up in the first.
    pub backward: RetrievalDirection,
}

/// Retrieval in one direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RetrievalDirection {
    /// Share of cells found at once.
    pub recall_1: f64,
    /// Share of cells found among five.
    pub recall_5: f64,
    /// Share of cells found among ten.
    pub recall_10: f64,
    /// Median rank of the right cell.
    pub median_rank: f64,
}

impl Metrics {}

impl Settings {
    pub(super) fn of(args: &EmbeddingArgs) -> Self {
        Self {
            label: args.label.clone(),
            batch_key: args.batch_key.clone(),
            heads: args.heads.clone(),
            folds: args.folds,
            neighbors: args.neighbors,
            components: args.components,
            max_cells: args.max_cells,
            seed: args.seed.seed,
        }
    }
}

impl Source {
    pub(super) fn of(name: &str, content_id: &Option<String>) -> Self {
        Self { name: name.to_owned(), content_id: content_id.clone() }
    }
}

impl From<metrics::Direction> for RetrievalDirection {
    fn from(direction: metrics::Direction) -> Self {
        let metrics::Direction { recall_1, recall_5, recall_10, median_rank } = direction;
        Self { recall_1, recall_5, recall_10, median_rank }
    }
}
