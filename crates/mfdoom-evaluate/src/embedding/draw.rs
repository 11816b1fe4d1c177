//! What is drawn of embeddings: two principal components as a picture, a UMAP of each head in the report.

use mfdoom_error::Result;
use mfdoom_matrix::subsample;
use mfdoom_plot::Scatter;
use rayon::prelude::*;

use super::Setup;
use super::input::HeadVectors;
use super::reduced::plane;
use crate::layout::{NEAREST, laid_out};
use crate::report::{Cloud, Colouring, Figure, Layout, room};
use crate::scores::Kind;

/// Most cells laid out: one thread visits them in turn.
const MOST: usize = 50_000;
/// Columns that cells are coloured by, at most: label, batch, data set.
const COLOURINGS: usize = 3;

/// Draws two principal components of the head to draw by label.
///
/// # Errors
/// Contract: NaN, too few cells.
pub(super) fn scatter(setup: &Setup<'_>) -> Result<Figure> {
    let (args, cells, labels) = (setup.args, &setup.cells, &setup.labels);
    let head = cells.head_to_draw(args);
    let rows: Vec<usize> = setup.usable.iter().copied().filter(|&row| head.is_present(row)).collect();
    let plane = plane(&head.vectors.select_rows(&rows), args.run.seed.seed)?;
    let title = format!("{} of {}: {}", head.name, cells.name, labels.column);
    let axes = [plane.axes[0].as_str(), &plane.axes[1]];
    let groups: Vec<Option<&str>> = rows.iter().map(|&row| labels.name_of(row)).collect();
    let picture = Scatter { title: &title, axes, points: &plane.points, groups: &groups }.draw()?;
    Ok(Figure { title, picture, cells: rows.len() })
}

/// Lays out every head by UMAP, coloured by label, batch and data set.
///
/// # Errors
/// Failed: numbers that do not fit each other.
pub(super) fn plots(setup: &Setup<'_>) -> Result<Vec<Cloud>> {
    let cells = &setup.cells;
    let seed = setup.args.run.seed.seed;
    let own: Vec<&HeadVectors> = cells.heads.iter().filter(|head| head.kind == Kind::Head).collect();
    let rows = subsample(cells.len(), MOST.min(room(own.len(), COLOURINGS)), seed);
    let own = own.into_par_iter();
    let layouts = own.map(|head| layout(head, &rows, setup.is_retention, seed));
    let layouts: Vec<Layout> = layouts.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let labels = &setup.labels;
    let mut colourings = vec![Colouring::new(&labels.column, rows.iter().map(|&row| labels.name_of(row)))];
    if let Some(batches) = &cells.batches {
        let of = |row: &usize| batches.values[*row].as_deref();
        colourings.push(Colouring::new(&batches.column, rows.iter().map(of)));
    }
    if let Some(datasets) = &cells.dataset {
        colourings.push(Colouring::new("data set", rows.iter().map(|&row| Some(datasets[row].as_str()))));
    }
    Ok(vec![Cloud { title: "Cells".to_owned(), colourings, layouts }])
}

/// Lays out the cells that have a head; nothing for a head that cannot be laid out.
fn layout(head: &HeadVectors, rows: &[usize], several: bool, seed: u64) -> Result<Option<Layout>> {
    let there: Vec<usize> = (0..rows.len()).filter(|&at| head.is_present(rows[at])).collect();
    let x = head.vectors.select_rows(&there.iter().map(|&at| rows[at]).collect::<Vec<_>>());
    if there.len() <= NEAREST || x.check_finite().is_err() {
        tracing::warn!("{} is not drawn: {} cells, or values that are not finite", head.name, there.len());
        return Ok(None);
    }
    let mut points = vec![None; rows.len()];
    there.iter().zip(laid_out(&x, seed)?).for_each(|(&at, point)| points[at] = Some(point));
    let from = if several { format!(" from {}", head.from.join(" + ")) } else { String::new() };
    Ok(Some(Layout::new(format!("UMAP of {}{from}", head.name), &points)))
}
