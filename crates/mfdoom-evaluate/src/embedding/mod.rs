//! `mfdoom-evaluate embedding`: reads the cells, scores every head, writes numbers, table and pictures.

mod baseline;
mod h5ad;
mod input;
mod labels;
mod reduced;
mod result;
mod retrieve;
mod sets;
mod summary;
mod table;
mod transfer;

pub(crate) use h5ad::dense;
pub(crate) use input::is_hdf5;
use mfdoom_error::{Error, Result};
use mfdoom_plot::Scatter;
pub use result::{
    CellSetScores, Cells as CellCounts, Fold, LabelCount, Metrics, RetrievalDirection, RetrievalScores,
    Score, Settings, Source,
};

use self::baseline::Counts;
use self::input::Cells;
use self::labels::Labels;
use crate::args::EmbeddingArgs;
use crate::outputs::Outputs;
use crate::report::{Figure, html};

/// Runs `mfdoom-evaluate embedding`.
///
/// # Errors
/// Usage: settings or outputs that cannot be. Contract: no such head or label column, NaN, too few cells, one label
/// only, cells without tokens.
pub fn run(args: &EmbeddingArgs) -> Result<()> {
    check_settings(args)?;
    let outputs = Outputs::plan(&args.output, &[args.scatter.as_deref()], args.report.as_deref())?;
    let cells = input::read(args)?;
    let counts = args.tokens.as_deref().map(|path| Counts::read(path, &cells, args)).transpose()?;
    let labels = Labels::find(args, &cells, counts.as_ref())?;
    let usable = sets::usable(&labels, counts.as_ref(), cells.len());
    transfer::check(args, &labels, &usable)?;
    log_plan(&cells, &labels, &usable, counts.as_ref());
    if args.common.check {
        return Ok(());
    }
    let metrics = score(args, &cells, counts.as_ref(), &labels, &usable)?;
    let figures = if outputs.wants_pictures() { draw(args, &cells, &labels, &usable)? } else { Vec::new() };
    outputs.write(&metrics, &[figures.first()], || html(&metrics, &figures))?;
    tracing::info!("{}", summary::text(&metrics));
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

fn log_plan(cells: &Cells, labels: &Labels, usable: &[usize], counts: Option<&Counts>) {
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
    let unlabelled = labels.codes.iter().filter(|code| code.is_none()).count();
    if unlabelled > 0 {
        tracing::warn!("{unlabelled} cells have no label and are left out of label transfer");
    }
    if let Some(without) = counts.map(Counts::n_unmatched).filter(|&n| n > 0) {
        tracing::warn!("{without} cells have no tokens and are left out of label transfer");
    }
}

fn score(
    args: &EmbeddingArgs,
    cells: &Cells,
    counts: Option<&Counts>,
    labels: &Labels,
    usable: &[usize],
) -> Result<Metrics> {
    Ok(Metrics {
        stage: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        settings: Settings::of(args),
        inputs: [Some(Source::of(&cells.name, &cells.content_id)), counts.map(Counts::source)]
            .into_iter()
            .flatten()
            .collect(),
        cells: CellCounts {
            total: cells.n_total,
            drawn: cells.len(),
            scored: usable.len(),
            without_label: labels.codes.iter().filter(|code| code.is_none()).count(),
            without_tokens: counts.map(Counts::n_unmatched),
            without_embedding: cells.n_without,
        },
        labels: labels.counts(usable),
        label_transfer: transfer::score(args, cells, counts, labels, usable)?,
        retrieval: retrieve::score(cells)?,
    })
}

/// Draws the first head by label, and by batch where one is given.
fn draw(args: &EmbeddingArgs, cells: &Cells, labels: &Labels, usable: &[usize]) -> Result<Vec<Figure>> {
    let head = cells.head_to_draw(args);
    let rows: Vec<usize> = usable.iter().copied().filter(|&row| head.is_present(row)).collect();
    let plane = reduced::plane(&head.vectors.select_rows(&rows), args.seed.seed)?;
    let figure = |column: &str, groups: &[Option<&str>]| -> Result<Figure> {
        let title = format!("{} of {}: {column}", head.name, cells.name);
        let axes = [plane.axes[0].as_str(), &plane.axes[1]];
        let picture = Scatter { title: &title, axes, points: &plane.points, groups }.draw()?;
        Ok(Figure { title, picture })
    };
    let by_label: Vec<Option<&str>> = rows.iter().map(|&row| labels.name_of(row)).collect();
    let mut figures = vec![figure(&labels.column, &by_label)?];
    if let Some(batches) = &cells.batches {
        let groups: Vec<Option<&str>> = rows.iter().map(|&row| batches.values[row].as_deref()).collect();
        figures.push(figure(&batches.column, &groups)?);
    }
    Ok(figures)
}
