//! Means and deviations of the transformed values, and which features take part.

use std::collections::BTreeMap;

use crate::anchor::Part;
use crate::cells::Block;
use crate::expert::{Values, measured, rows_of};
use crate::fit::{Modality, Settings, Training};
use crate::transform::Transform;

/// Sums over the cells that measured each feature.
#[derive(Clone, Debug, Default)]
struct Sums {
    values: Vec<f64>,
    squares: Vec<f64>,
    with_count: Vec<usize>,
    /// `sum of value x offset` over cells with a count.
    with_offset: Vec<f64>,
}

/// Cells, offsets and squared offsets of a panel.
#[derive(Clone, Copy, Debug, Default)]
struct Panel {
    cells: f64,
    offset: f64,
    squares: f64,
}

/// Returns a modality with its features, scale, means and deviations, no loadings yet, and the variances of its scaled
/// values; it has no features where nothing varies.
pub(crate) fn part(
    training: &Training<'_>,
    m: usize,
    modality: &Modality,
    settings: &Settings,
) -> (Part, Vec<f64>) {
    let mut part = Part {
        name: modality.name.clone(),
        transform: modality.transform,
        scale: scale(training, m),
        derived_from: modality.derived_from.clone(),
        features: training.features(m),
        rarity: Vec::new(),
        mean: Vec::new(),
        deviation: Vec::new(),
        loadings: Vec::new(),
        noise: Vec::new(),
    };
    if part.transform == Transform::TfIdf {
        part.rarity = rarity(training, m, &part);
    }
    let mut variance = moments(training, m, &mut part);
    let mut order: Vec<usize> = (0..part.features.len()).filter(|g| variance[*g] > 0.0).collect();
    if order.len() > settings.features {
        order.sort_by(|a, b| variance[*b].total_cmp(&variance[*a]).then(a.cmp(b)));
        order.truncate(settings.features);
        order.sort_unstable();
    }
    if order.len() < part.features.len() {
        part.features = order.iter().map(|g| part.features[*g]).collect();
        if !part.rarity.is_empty() {
            part.rarity = order.iter().map(|g| part.rarity[*g]).collect();
        }
        variance = moments(training, m, &mut part);
    }
    let scaled = variance.iter().zip(&part.deviation).map(|(v, s)| v / (s * s)).collect();
    (part, scaled)
}

/// Returns the logarithm of 1 and the cells that measured each feature over those that have a count of it.
fn rarity(training: &Training<'_>, m: usize, part: &Part) -> Vec<f64> {
    let (sums, panels) = sums(training, m, part);
    let cells = |g: usize| panels.values().filter(|(seen, _)| seen[g]).map(|(_, p)| p.cells).sum::<f64>();
    sums.with_count.iter().enumerate().map(|(g, n)| (cells(g) / (*n).max(1) as f64).ln_1p()).collect()
}

/// Sets means and deviations, each at least the median of all, and returns the variances.
fn moments(training: &Training<'_>, m: usize, part: &mut Part) -> Vec<f64> {
    let (sums, panels) = sums(training, m, part);
    let n = part.features.len();
    let (mut mean, mut variance) = (vec![0.0; n], vec![0.0; n]);
    for g in 0..n {
        let seen: Vec<&Panel> = panels.values().filter(|(measured, _)| measured[g]).map(|(_, p)| p).collect();
        let cells: f64 = seen.iter().map(|p| p.cells).sum();
        if cells > 0.0 && sums.with_count[g] > 0 {
            let offset: f64 = seen.iter().map(|p| p.offset).sum();
            let squares: f64 = seen.iter().map(|p| p.squares).sum();
            mean[g] = (sums.values[g] - offset) / cells;
            let square = (sums.squares[g] - 2.0 * sums.with_offset[g] + squares) / cells;
            variance[g] = (square - mean[g] * mean[g]).max(0.0);
            // What rounding leaves of a constant is no variance.
            if variance[g] < 1e-12 * square {
                variance[g] = 0.0;
            }
        }
    }
    let mut sorted: Vec<f64> = variance.iter().map(|v| v.sqrt()).collect();
    sorted.sort_by(f64::total_cmp);
    let median = match n {
        0 => 0.0,
        n => 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]),
    };
    part.deviation = variance.iter().map(|v| v.sqrt().max(median) + 1e-9).collect();
    part.mean = mean;
    variance
}

fn sums(training: &Training<'_>, m: usize, part: &Part) -> (Sums, BTreeMap<usize, (Vec<bool>, Panel)>) {
    let n = part.features.len();
    let rows = rows_of(&part.features);
    let mut sums = Sums {
        values: vec![0.0; n],
        squares: vec![0.0; n],
        with_count: vec![0; n],
        with_offset: vec![0.0; n],
    };
    let mut panels = BTreeMap::<usize, (Vec<bool>, Panel)>::new();
    let mut values = Values::default();
    for cell in training.cells_of(m) {
        let number = training.panel(cell, m);
        let (seen, panel) = panels.entry(number).or_insert_with(|| {
            (measured(&part.features, training.panel_features(number, m)), Panel::default())
        });
        let width = if part.transform == Transform::Clr { seen.iter().filter(|s| **s).count() } else { 0 };
        values.read(part, &rows, &training.cells.blocks[m], (cell, width));
        let c = values.offset;
        *panel = Panel { cells: panel.cells + 1.0, offset: panel.offset + c, squares: panel.squares + c * c };
        for (row, value) in values.rows.iter().zip(&values.values) {
            sums.values[*row] += value;
            sums.squares[*row] += value * value;
            sums.with_offset[*row] += value * c;
            sums.with_count[*row] += 1;
        }
    }
    (sums, panels)
}

/// Returns the median library size of the cells of the fit, 1 where there is none.
fn scale(training: &Training<'_>, m: usize) -> f64 {
    let block: &Block<'_> = &training.cells.blocks[m];
    let mut totals: Vec<f64> = training.cells_of(m).map(|cell| block.total[cell]).collect();
    totals.sort_by(f64::total_cmp);
    match totals.len() {
        0 => 1.0,
        n => (0.5 * (totals[(n - 1) / 2] + totals[n / 2])).max(1.0),
    }
}
