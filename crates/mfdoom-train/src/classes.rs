//! Classes of cells to learn from: an obs column, or clusters of the closed form.

use std::collections::BTreeMap;

use mfdoom_anchor::Encoder;
use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, Metric, connectivities, knn, knn_between};
use mfdoom_metrics::leiden;

use crate::anchor::{AnchorOptions, counts, fit_anchor, fitted_rows, panels};
use crate::data::TrainingCells;

/// Neighbours of a cell in the graph that is clustered.
const NEIGHBOURS: usize = 15;

/// Returns the class of each cell by the values of an obs column in the training cells, numbered in their order, and the
/// number of classes.
///
/// # Errors
/// Contract: fewer than two values.
pub fn classes_of(
    cells: &TrainingCells,
    training: &[usize],
    column: &str,
) -> Result<(Vec<Option<u32>>, usize)> {
    let names: std::collections::BTreeSet<&str> =
        training.iter().filter_map(|cell| cells.obs(column, *cell)).collect();
    if names.len() < 2 {
        return Err(Error::contract(format!("--label {column}: the training cells have one value or none"))
            .wanted("two classes or more")
            .help("another column, or no --label: clusters of the closed form are taken"));
    }
    let number: BTreeMap<&str, u32> = names.iter().zip(0..).map(|(name, n)| (*name, n)).collect();
    let class = |cell| cells.obs(column, cell).and_then(|name| number.get(name).copied());
    Ok(((0..cells.len()).map(class).collect(), names.len()))
}

/// Returns the clusters that Leiden (resolution 1) finds among training cells in the coordinates of a closed form, which
/// is fitted for this; every other cell has the cluster of its nearest of them.
///
/// # Errors
/// Those of [`fit_anchor`]. Contract: there is one cluster only.
pub fn clusters_of_start(
    cells: &TrainingCells,
    training: &[usize],
    (options, seed): (&AnchorOptions, u64),
) -> Result<(Vec<Option<u32>>, usize)> {
    let failed = |e: mfdoom_matrix::Error| Error::failed("clusters of the closed form").source(e);
    let anchor = fit_anchor(cells, training, options)?;
    let everyone: Vec<usize> = (0..cells.len()).collect();
    let all = vec![true; cells.modalities.len()];
    let scores = Encoder::new(&anchor, panels(cells)).embed(&counts(cells), &everyone, &all);
    let width = scores.means.len() / cells.len().max(1);
    let rows = |of: &[usize]| {
        let values = of.iter().flat_map(|cell| scores.means[cell * width..(cell + 1) * width].iter());
        Matrix::new(values.map(|x| *x as f32).collect(), of.len(), width).map_err(failed)
    };
    let mut fitted = fitted_rows(cells, training, options);
    fitted.retain(|cell| scores.present[*cell]);
    let known = rows(&fitted)?;
    let k = NEIGHBOURS.min(fitted.len().saturating_sub(1));
    let graph = connectivities(&knn(&known, k, Metric::Cosine).map_err(failed)?);
    let clusters = leiden(&graph, 1.0, seed);
    let n = clusters.iter().max().map_or(0, |last| *last as usize + 1);
    if n < 2 {
        return Err(Error::contract("the closed form finds one cluster of cells only")
            .help("--label COLUMN to learn from labels"));
    }
    let nearest = knn_between(&rows(&everyone)?, &known, 1, Metric::Cosine).map_err(failed)?;
    let class = |cell: usize| scores.present[cell].then(|| clusters[nearest.indices(cell)[0] as usize]);
    Ok(((0..cells.len()).map(class).collect(), n))
}
