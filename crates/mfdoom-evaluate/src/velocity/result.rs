//! What `metrics.json` holds; fields are written in the order given here.

use serde::Serialize;

use super::args::VelocityArgs;
use super::matching::Matched;
use super::source::Source;
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
    /// Predicted, then fitted and truth where given.
    pub inputs: Vec<InputSize>,
    /// How many cells took part.
    pub cells: Cells,
    /// How many genes took part.
    pub genes: Genes,
    /// Predicted against each other input.
    pub accuracy: Vec<Accuracy>,
    /// Whether the uncertainty of a predicted cell tells its error; empty without one.
    pub calibration: Vec<CalibrationScores>,
    /// Every field on the same coordinates; empty without clusters or positions.
    pub fields: Vec<FieldScores>,
}

/// What decides the numbers, beside the inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// Column of the clusters.
    pub label: Option<String>,
    /// Edges between clusters.
    pub edges: Vec<String>,
    /// Number of UMAPs.
    pub umap_seeds: usize,
    /// Nearest cells where the folder holds none.
    pub n_neighbors: usize,
    /// Principal components of the positions.
    pub n_pcs: usize,
    /// Whether the graph takes signed square roots.
    pub square_root: bool,
    /// Most cells scored.
    pub max_cells: usize,
    /// Seed of the first UMAP, of the choice of cells and of the shuffled control.
    pub seed: u64,
}

/// An input, its identity and size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InputSize {
    /// `predicted`, `fitted` or `truth`.
    pub role: &'static str,
    /// Base name.
    pub name: String,
    /// Content id of its manifest, else SHA-256 of the file.
    pub content_id: String,
    /// Cells in it.
    pub cells: usize,
    /// Genes in it.
    pub genes: usize,
}

/// Numbers of cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cells {
    /// In all inputs.
    pub common: usize,
    /// Of these, without a label.
    pub without_label: usize,
    /// Scored.
    pub scored: usize,
}

/// Numbers of genes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Genes {
    /// In all inputs, velocity genes only where a fit chose them.
    pub common: usize,
    /// Of these, with a velocity of every scored cell in every field: those of graph and coherence.
    pub graph: usize,
}

/// Predicted velocities against others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accuracy {
    /// `fitted` or `truth`.
    pub against: &'static str,
    /// Cells with a cosine.
    pub cells: usize,
    /// Genes with a correlation: three cells at least, and a truth that varies.
    pub genes: usize,
    /// Share of cells x genes where both have a velocity.
    pub values: f64,
    /// Per gene over cells.
    pub pearson: Pearson,
    /// Per cell over genes.
    pub cosine: Cosine,
    /// Mean cosine of the mean velocity of the others with each of them.
    pub cosine_of_constant: Option<f64>,
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

/// Cosine over cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cosine {
    /// Mean.
    pub mean: Option<f64>,
    /// Median.
    pub median: Option<f64>,
}

/// Uncertainty of the predicted cells beside their error against others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CalibrationScores {
    /// `fitted` or `truth`.
    pub against: &'static str,
    /// Cells with an uncertainty and an error.
    pub cells: usize,
    /// Spearman's correlation of uncertainty and error; null where either is constant.
    pub spearman: Option<f64>,
    /// Root mean square error over that of the uncertainties: 1 of a standard deviation; null where all are 0.
    pub scale: Option<f64>,
    /// Cells by uncertainty, in bins of equal numbers.
    pub bins: Vec<Bin>,
}

/// Cells of like uncertainty.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Cells.
    pub n: usize,
    /// Mean uncertainty.
    pub uncertainty: f64,
    /// Root mean square of the errors.
    pub error: f64,
    /// First quartile of the errors.
    pub q25: f64,
    /// Third quartile of the errors.
    pub q75: f64,
}

/// Scores of a field that need no truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldScores {
    /// `predicted`, `fitted` or `truth`.
    pub name: &'static str,
    /// ICCoh.
    pub coherence: CoherenceScores,
    /// CBDir over all layouts; null without edges.
    pub direction: Option<DirectionScores>,
    /// The same on each UMAP.
    pub layouts: Vec<LayoutScores>,
}

/// Coherence within clusters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoherenceScores {
    /// Mean over clusters.
    pub mean: Option<f64>,
    /// Mean over clusters of the velocities dealt out anew.
    pub shuffled: Option<f64>,
    /// Each cluster.
    pub clusters: Vec<ClusterScore>,
}

/// Coherence of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClusterScore {
    /// The cluster.
    pub name: String,
    /// Mean over its cells.
    pub coherence: Option<f64>,
}

/// Direction across the edges, means over the layouts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DirectionScores {
    /// Of the field.
    pub mean: Option<f64>,
    /// Of every cell given the mean velocity.
    pub constant: Option<f64>,
    /// The field's above that.
    pub excess: Option<f64>,
    /// Smallest and largest excess of a layout.
    pub excess_range: Option<[f64; 2]>,
    /// Of the velocities dealt out anew.
    pub shuffled: Option<f64>,
}

/// Direction on one UMAP.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayoutScores {
    /// Seed of the UMAP.
    pub seed: u64,
    /// CBDir of the field: mean over edges.
    pub direction: Option<f64>,
    /// Of every cell given the mean velocity.
    pub constant: Option<f64>,
    /// The field's above that.
    pub excess: Option<f64>,
    /// Of the velocities dealt out anew.
    pub shuffled: Option<f64>,
    /// Each edge of the field.
    pub edges: Vec<EdgeScore>,
}

/// Direction across one edge.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EdgeScore {
    /// First cluster.
    pub from: String,
    /// Second cluster.
    pub to: String,
    /// Cells of the first with a neighbour in the second.
    pub n: usize,
    /// Mean cosine; null without cells.
    pub direction: Option<f64>,
}

impl DirectionScores {
    pub(super) fn over(layouts: &[LayoutScores]) -> Self {
        let mean = |of: fn(&LayoutScores) -> Option<f64>| {
            let there: Vec<f64> = layouts.iter().filter_map(of).collect();
            (!there.is_empty()).then(|| there.iter().sum::<f64>() / there.len() as f64)
        };
        let excess = || layouts.iter().filter_map(|layout| layout.excess);
        let ends = [excess().fold(f64::INFINITY, f64::min), excess().fold(f64::NEG_INFINITY, f64::max)];
        Self {
            mean: mean(|layout| layout.direction),
            constant: mean(|layout| layout.constant),
            excess: mean(|layout| layout.excess),
            excess_range: (ends[0] <= ends[1]).then_some(ends),
            shuffled: mean(|layout| layout.shuffled),
        }
    }
}

impl Metrics {
    pub(super) fn new(
        args: &VelocityArgs,
        sources: &[Source],
        matched: &Matched,
        scores: (Vec<Accuracy>, Vec<CalibrationScores>, Vec<FieldScores>),
    ) -> Self {
        let (accuracy, calibration, fields) = scores;
        let input = |source: &Source| InputSize {
            role: source.role.name(),
            name: source.name.clone(),
            content_id: source.content_id.clone(),
            cells: source.keys.len(),
            genes: source.genes.len(),
        };
        Self {
            stage: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            settings: Settings {
                label: args.label.clone(),
                edges: args.edges.clone(),
                umap_seeds: args.umap_seeds,
                n_neighbors: args.n_neighbors,
                n_pcs: args.n_pcs,
                square_root: matched.square_root,
                max_cells: args.max_cells,
                seed: args.seed.seed,
            },
            inputs: sources.iter().map(input).collect(),
            cells: Cells {
                common: matched.n_common,
                without_label: matched.n_without_label,
                scored: matched.n_cells(),
            },
            genes: Genes {
                common: matched.genes.len(),
                graph: matched.complete_genes().iter().filter(|complete| **complete).count(),
            },
            accuracy,
            calibration,
            fields,
        }
    }

    /// Returns the scores as lines for people.
    pub(super) fn summary(&self) -> String {
        let mut lines = vec![format!("{} cells, {} genes", self.cells.scored, self.genes.common)];
        lines.extend(self.accuracy.iter().map(|score| {
            let (pearson, cosine) = (score.pearson.median, shown(score.cosine.mean));
            let constant = shown(score.cosine_of_constant);
            format!("against {}: Pearson {pearson:.3}, cosine {cosine} (constant {constant})", score.against)
        }));
        lines.extend(self.calibration.iter().map(|score| {
            let [rank, scale] = [score.spearman, score.scale].map(shown);
            format!("uncertainty against {}: Spearman {rank}, error over uncertainty {scale}", score.against)
        }));
        for field in &self.fields {
            let mut line = format!("{}: coherence {}", field.name, shown(field.coherence.mean));
            if let Some(direction) = &field.direction {
                let [mean, excess, shuffled] =
                    [direction.mean, direction.excess, direction.shuffled].map(shown);
                line += &format!(", direction {mean} ({excess} above constant; shuffled {shuffled})");
            }
            lines.push(line);
        }
        lines.join("\n")
    }
}
