//! `mfdoom-evaluate embedding`: reads the cells, scores every head, writes numbers, table and pictures.
//!
//! | module | for |
//! |---|---|
//! | `input`, `table`, `layout`, `h5ad` | vectors of the cells, their labels and batches |
//! | `baseline`, `plain`, `cca` | counts of the same cells, and plain embeddings of them |
//! | `labels`, `sets` | labels as codes; which cells are compared |
//! | [`retention`] | embeddings from some of the modalities |
//! | `score`, `pairs` | every metric of every head, and of every pair of heads, on every set |
//! | `draw`, `training` | what the report draws |

mod baseline;
mod cca;
mod draw;
mod h5ad;
mod input;
mod labels;
mod layout;
mod pairs;
mod plain;
mod reduced;
pub mod retention;
mod score;
mod sets;
mod table;
mod training;

pub(crate) use input::is_hdf5;
use mfdoom_error::{Error, Result};
pub(crate) use reduced::failed;
use serde_json::json;

use self::baseline::BaselineCounts;
use self::input::EmbeddedCells;
use self::labels::Labels;
use crate::args::EmbeddingArgs;
use crate::outputs::Outputs;
use crate::report::Page;
use crate::scores::{Document, text};

/// Everything that was read.
struct Setup<'a> {
    args: &'a EmbeddingArgs,
    cells: EmbeddedCells,
    counts: Option<BaselineCounts>,
    labels: Labels,
    /// Cells with a label and, where tokens are given, with tokens.
    usable: Vec<usize>,
    /// Whether the heads are made from all and from some of the modalities.
    is_retention: bool,
}

/// Runs `mfdoom-evaluate embedding`.
///
/// # Errors
/// Usage: settings or outputs that cannot be. Contract: no such head or label column, no label, cells without tokens.
pub fn run(args: &EmbeddingArgs) -> Result<()> {
    check_settings(args)?;
    let outputs = Outputs::plan(&args.run, &[args.scatter.as_deref()])?;
    let setup = Setup::read(args)?;
    setup.log();
    if args.run.common.check {
        return Ok(());
    }
    let mut document = score::document(&setup, setup.document()?)?;
    if let Some(model) = &args.model {
        document.detail("training_curves", &training::curves(model)?)?;
    }
    let scatter = args.scatter.is_some().then(|| draw::scatter(&setup)).transpose()?;
    let page = || {
        let title = format!("Embeddings of {}", setup.cells.name);
        Ok(Page { plots: draw::plots(&setup)?, ..Page::new(title, &document) })
    };
    outputs.write(&document, &[scatter.as_ref()], page)?;
    tracing::info!("{}", text(&document.scores));
    Ok(())
}

fn check_settings(args: &EmbeddingArgs) -> Result<()> {
    let least = [
        ("folds", args.scores.folds, 2),
        ("neighbors", args.scores.neighbors, 1),
        ("components", args.scores.components, 1),
    ];
    for (name, found, wanted) in least.into_iter().chain([("max-cells", args.max_cells, 2)]) {
        if found < wanted {
            return Err(Error::usage(format!("--{name} {found}")).wanted(format!("at least {wanted}")));
        }
    }
    Ok(())
}

impl<'a> Setup<'a> {
    fn read(args: &'a EmbeddingArgs) -> Result<Self> {
        Self::of(args, input::read(args)?, false)
    }

    fn of(args: &'a EmbeddingArgs, mut cells: EmbeddedCells, is_retention: bool) -> Result<Self> {
        let counts =
            args.tokens.as_deref().map(|path| BaselineCounts::read(path, &cells, args)).transpose()?;
        let joint = counts.as_ref().filter(|_| !args.run.common.check);
        for heads in joint.map(|counts| cca::heads(counts, cells.len(), args)).unwrap_or_default() {
            let at = cells.heads.len();
            cells.heads.extend(heads);
            cells.pairs.push((at + 1, at + 2));
        }
        let labels = Labels::find(args, &cells, counts.as_ref())?;
        let usable = sets::usable(&labels, counts.as_ref(), cells.len());
        Ok(Self { args, cells, counts, labels, usable, is_retention })
    }

    fn log(&self) {
        let Self { cells, labels, usable, counts, .. } = self;
        let heads: Vec<&str> = cells.heads.iter().map(|head| head.name.as_str()).collect();
        tracing::info!(
            "{}: {} of {} cells, heads {}; {} cells with one of {} labels of {:?}",
            cells.name,
            cells.len(),
            cells.n_total,
            heads.join(", "),
            usable.len(),
            labels.names.len(),
            labels.column,
        );
        if labels.n_without() > 0 {
            tracing::warn!("{} cells have no label and are left out of scores of labels", labels.n_without());
        }
        if let Some(without) = counts.as_ref().map(BaselineCounts::n_unmatched).filter(|&n| n > 0) {
            tracing::warn!("{without} cells have no tokens and are left out of scores of labels");
        }
    }

    /// Returns the document without scores.
    fn document(&self) -> Result<Document> {
        let Self { args, cells, counts, labels, usable, .. } = self;
        let inputs =
            cells.sources.iter().cloned().chain(counts.as_ref().map(BaselineCounts::source)).collect();
        let mut document = Document::new("embedding", mfdoom_cli::settings(args)?, inputs);
        document.cells = json!({
            "total": cells.n_total,
            "drawn": cells.len(),
            "scored": usable.len(),
            "without_label": labels.n_without(),
            "without_tokens": counts.as_ref().map(BaselineCounts::n_unmatched),
            "without_embedding": cells.n_without,
        });
        document.detail("labels", &labels.counts(usable))?;
        Ok(document)
    }
}
