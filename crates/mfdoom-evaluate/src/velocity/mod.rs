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
//! | [`result`] | `metrics.json` |
//! | `page`, `draw` | the report and the streams |

mod accuracy;
pub mod args;
mod calibration;
mod clusters;
mod draw;
mod fields;
mod matching;
mod page;
pub mod result;
mod source;
mod space;

use mfdoom_error::{Error, Result};

use self::args::VelocityArgs;
use self::clusters::Clusters;
use self::matching::Matched;
use self::result::{FieldScores, Metrics};
use self::source::{Role, Source};
use self::space::Space;
use crate::outputs::Outputs;
use crate::report::Figure;

/// Runs `mfdoom-evaluate velocity`.
///
/// # Errors
/// Usage: settings, edges or outputs that cannot be. Contract: no common cells or genes, no such label column or
/// cluster, nothing to displace from.
pub fn run(args: &VelocityArgs) -> Result<()> {
    check_settings(args)?;
    let pictures = [args.plot.as_deref(), args.calibration.as_deref()];
    let outputs = Outputs::plan(&args.output, &pictures, args.report.as_deref())?;
    let sources = read(args)?;
    let labels = clusters::labels(args, &sources)?;
    let matched = Matched::new(&sources, labels.as_deref(), args)?;
    if args.calibration.is_some() {
        calibration::need_uncertainty(&matched, &sources[0])?;
    }
    let clusters = labels.map(|_| Clusters::new(&matched, args)).transpose()?;
    log(&matched);
    if args.common.check {
        return Ok(());
    }
    let accuracy = accuracy::score(&matched)?;
    let calibration = calibration::score(&matched)?;
    let drawn = match &clusters {
        Some(clusters) if matched.positions.is_some() => Some((Space::new(&matched, args)?, clusters)),
        _ => None,
    };
    let scored = drawn.as_ref().map(|(space, clusters)| fields::score(&matched, space, clusters, args));
    let (scores, first): (Vec<FieldScores>, Vec<_>) =
        scored.transpose()?.unwrap_or_default().into_iter().unzip();
    let streams = match &drawn {
        Some((space, clusters)) if outputs.wants_pictures() => {
            draw::streams(&matched, space, clusters, &first)?
        }
        _ => None,
    };
    let metrics = Metrics::new(args, &sources, &matched, (accuracy, calibration, scores));
    write(&outputs, &metrics, streams)?;
    tracing::info!("{}", metrics.summary());
    Ok(())
}

/// Writes numbers, pictures and page; the calibration drawn as a picture is the first.
fn write(outputs: &Outputs, metrics: &Metrics, streams: Option<Figure>) -> Result<()> {
    let n_streams = usize::from(streams.is_some());
    let mut figures: Vec<Figure> = streams.into_iter().collect();
    if outputs.wants_pictures() {
        for score in &metrics.calibration {
            figures.push(draw::calibration(score)?);
        }
    }
    let (streams, calibration) = figures.split_at(n_streams);
    let pictures = [streams.first(), calibration.first()];
    outputs.write(metrics, &pictures, || page::html(metrics, &figures))
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
fn read(args: &VelocityArgs) -> Result<Vec<Source>> {
    let others = [(Role::Fitted, &args.fitted), (Role::Truth, &args.truth)];
    let others = others.into_iter().filter_map(|(role, path)| path.as_ref().map(|path| (role, path)));
    std::iter::once((Role::Predicted, &args.predicted))
        .chain(others)
        .map(|(role, path)| Source::read(role, path, args.label.as_deref()))
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
