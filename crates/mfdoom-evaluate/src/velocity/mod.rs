//! `mfdoom-evaluate velocity`: predicted velocities against fitted or true ones, and on an embedding.
//!
//! | module | for |
//! |---|---|
//! | [`args`] | the command line |
//! | `source` | one input: velocities, genes, positions, neighbours |
//! | `matching` | the cells and genes that all inputs share |
//! | `clusters` | labels of the cells, edges between clusters |
//! | `accuracy` | per gene and per cell against a truth |
//! | `calibration` | uncertainty per cell against its error |
//! | `space` | neighbours and UMAPs that all fields are drawn on |
//! | `fields` | CBDir and ICCoh of a field and its controls |
//! | `names` | what the scores are called |
//! | `draw` | the streams and the calibration |

mod accuracy;
pub mod args;
mod calibration;
mod clusters;
mod draw;
mod fields;
mod matching;
mod names;
mod source;
mod space;

use mfdoom_error::{Error, Result};
use serde_json::json;

use self::args::VelocityArgs;
use self::calibration::CalibrationScores;
use self::clusters::Clusters;
use self::matching::Matched;
use self::source::{Role, VelocityInput};
use self::space::Space;
use crate::outputs::Outputs;
use crate::report::{Figure, Page};
use crate::scores::{Document, ScoredInput, text};

/// Runs `mfdoom-evaluate velocity`.
///
/// # Errors
/// Usage: settings, edges or outputs that cannot be. Contract: no common cells or genes, no such label column or
/// cluster, nothing to displace from.
pub fn run(args: &VelocityArgs) -> Result<()> {
    check_settings(args)?;
    let pictures = [args.plot.as_deref(), args.calibration.as_deref()];
    let outputs = Outputs::plan(&args.run, &pictures)?;
    let sources = read(args)?;
    let labels = clusters::labels(args, &sources)?;
    let matched = Matched::new(&sources, labels.as_deref(), args)?;
    if args.calibration.is_some() {
        calibration::need_uncertainty(&matched, &sources[0])?;
    }
    let clusters = labels.map(|_| Clusters::new(&matched, args)).transpose()?;
    log(&matched);
    if args.run.common.check {
        return Ok(());
    }
    let scorer = Run { args, sources: &sources, matched: &matched, clusters: clusters.as_ref() };
    scorer.score(&outputs)
}

/// All that was read.
struct Run<'a> {
    args: &'a VelocityArgs,
    sources: &'a [VelocityInput],
    matched: &'a Matched,
    clusters: Option<&'a Clusters>,
}

impl Run<'_> {
    /// Scores, draws and writes.
    fn score(&self, outputs: &Outputs) -> Result<()> {
        let Self { args, matched, .. } = *self;
        let mut document = self.document()?;
        accuracy::score(matched, args.run.seed.seed, &mut document.scores)?;
        let calibration = calibration::score(matched)?;
        calibration.iter().for_each(|score| score.add(&mut document.scores));
        document.detail("calibration", &calibration)?;
        let mut streams = None;
        if let (Some(clusters), true) = (self.clusters, matched.positions.is_some()) {
            let space = Space::new(matched, args)?;
            let drawn = fields::score(matched, &space, clusters, args.run.seed.seed, &mut document.scores)?;
            if outputs.wants_pictures() {
                streams = draw::streams(matched, &space, clusters, &drawn)?;
            }
        }
        self.write(outputs, &document, streams, &calibration)?;
        tracing::info!("{}", text(&document.scores));
        Ok(())
    }

    fn document(&self) -> Result<Document> {
        let Self { args, sources, matched, .. } = *self;
        let input = |source: &VelocityInput| ScoredInput {
            role: Some(source.role.name()),
            ..ScoredInput::new(&source.name, Some(source.content_id.clone()))
        };
        let mut settings = mfdoom_cli::settings(args)?;
        settings["square_root"] = matched.square_root.into();
        let mut document = Document::new("velocity", settings, sources.iter().map(input).collect());
        document.cells = json!({
            "common": matched.n_common,
            "without_label": matched.n_without_label,
            "scored": matched.n_cells(),
        });
        let graph = matched.complete_genes().iter().filter(|complete| **complete).count();
        document.detail("genes", &json!({"common": matched.genes.len(), "graph": graph}))?;
        Ok(document)
    }

    /// Writes numbers, pictures and page; the calibration drawn as a picture is the first.
    fn write(
        &self,
        outputs: &Outputs,
        document: &Document,
        streams: Option<Figure>,
        calibration: &[CalibrationScores],
    ) -> Result<()> {
        let n_streams = usize::from(streams.is_some());
        let mut figures: Vec<Figure> = streams.into_iter().collect();
        if outputs.wants_pictures() {
            for score in calibration {
                figures.push(draw::calibration(score)?);
            }
        }
        let (streams, errors) = figures.split_at(n_streams);
        let pictures = [streams.first(), errors.first()];
        let title = format!("Velocities of {}", self.sources[0].name);
        outputs.write(document, &pictures, || Ok(Page { figures: &figures, ..Page::new(title, document) }))
    }
}

fn check_settings(args: &VelocityArgs) -> Result<()> {
    let least = [
        ("umap-seeds", args.umap_seeds, 1),
        ("n-neighbors", args.n_neighbors, 3),
        ("n-pcs", args.n_pcs, 2),
        ("max-cells", args.max_cells, 3),
    ];
    for (name, found, wanted) in least {
        if found < wanted {
            return Err(Error::usage(format!("--{name} {found}")).wanted(format!("at least {wanted}")));
        }
    }
    if args.fitted.is_none() && args.truth.is_none() && args.label.is_none() {
        return Err(Error::usage("nothing to score the velocities by")
            .help("--fitted or --truth for accuracy, --label and --edges for directions"));
    }
    if args.calibration.is_some() && args.fitted.is_none() && args.truth.is_none() {
        return Err(Error::usage("--calibration: nothing to take the errors from")
            .help("give fitted or true velocities of the same cells: --fitted or --truth"));
    }
    Ok(())
}

/// Reads every input, the predicted one first.
fn read(args: &VelocityArgs) -> Result<Vec<VelocityInput>> {
    let others = [(Role::Fitted, &args.fitted), (Role::Truth, &args.truth)];
    let others = others.into_iter().filter_map(|(role, path)| path.as_ref().map(|path| (role, path)));
    std::iter::once((Role::Predicted, &args.predicted))
        .chain(others)
        .map(|(role, path)| VelocityInput::read(role, path, args.label.as_deref()))
        .collect()
}

fn log(matched: &Matched) {
    tracing::info!(
        "{} cells scored of {} common to all inputs, {} common genes",
        matched.n_cells(),
        matched.n_common,
        matched.genes.len()
    );
    if matched.n_without_label > 0 {
        tracing::warn!("{} cells have no label and are left out", matched.n_without_label);
    }
    if matched.positions.is_none() {
        tracing::warn!(
            "no positions (Ms or state) to displace from: directions and coherence are not scored"
        );
    }
}
