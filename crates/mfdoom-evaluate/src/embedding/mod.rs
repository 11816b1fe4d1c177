//! `mfdoom-evaluate embedding`: reads the cells, scores every head, writes numbers, table and pictures.
//!
//! | module | for |
//! |---|---|
//! | `input`, `table`, `h5ad` | vectors of the cells, their labels and batches |
//! | `baseline`, `plain` | counts of the same cells, and plain embeddings of them |
//! | `labels`, `sets` | labels as codes; which cells are compared |
//! | [`retention`] | embeddings from some of the modalities |
//! | `score` | every metric of every head on every set |
//! | `draw` | what the report draws |

mod baseline;
mod draw;
mod h5ad;
mod input;
mod labels;
mod plain;
mod reduced;
pub mod retention;
mod score;
mod sets;
mod table;

pub(crate) use h5ad::dense;
pub(crate) use input::is_hdf5;
use mfdoom_error::{Error, Result};
use serde_json::json;

use self::baseline::BaselineCounts;
use self::input::EmbeddedCells;
use self::labels::Labels;
use crate::args::EmbeddingArgs;
use crate::outputs::Outputs;
use crate::report::Page;
use crate::scores::{Document, ScoredInput, text};

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
    let outputs = Outputs::plan(&args.output, &args.page, &[args.scatter.as_deref()])?;
    let setup = Setup::read(args)?;
    setup.log();
    if args.common.check {
        return Ok(());
    }
    let document = score::document(&setup, setup.document()?)?;
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
    let least =
        [("folds", args.folds, 2), ("neighbors", args.neighbors, 1), ("components", args.components, 1)];
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

    fn of(args: &'a EmbeddingArgs, cells: EmbeddedCells, is_retention: bool) -> Result<Self> {
        let counts =
            args.tokens.as_deref().map(|path| BaselineCounts::read(path, &cells, args)).transpose()?;
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
        let own = ScoredInput::new(&cells.name, cells.content_id.clone());
        let inputs = std::iter::once(own).chain(counts.as_ref().map(BaselineCounts::source)).collect();
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
