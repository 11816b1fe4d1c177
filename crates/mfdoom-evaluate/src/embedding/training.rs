//! How a model was trained: the curves of its `metrics.parquet`.

use std::path::Path;

use mfdoom_artifact::{MetricRow, read_metrics};
use mfdoom_error::{Kind, Result};
use serde::Serialize;

/// File of the curves in the folder of a model.
const FILE: &str = "metrics.parquet";
/// A value that says how fast the machine was: the same run on another has others.
const SPEED: &str = "cells_per_second";
/// Most points of a curve.
const POINTS: usize = 400;

/// A value over the epochs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct TrainingCurve {
    /// `train` or `validation`.
    split: String,
    /// The value, such as `loss/contrastive`.
    name: String,
    /// Epoch and value.
    points: Vec<[f64; 2]>,
}

/// Reads the curves of a model; none where nothing was trained.
///
/// # Errors
/// Incompatible: a table that cannot be read.
pub(super) fn curves(model: &Path) -> Result<Vec<TrainingCurve>> {
    let path = model.join(FILE);
    if !path.is_file() {
        tracing::info!("{}: no {FILE}, so no training curves", model.display());
        return Ok(Vec::new());
    }
    // A folder of ours that is damaged is not an input that breaks its contract.
    let rows = read_metrics(&path).map_err(|error| match error.kind() {
        Kind::Contract => error.of_kind(Kind::Incompatible),
        _ => error,
    });
    Ok(of_rows(&rows?))
}

fn of_rows(rows: &[MetricRow]) -> Vec<TrainingCurve> {
    let mut curves: Vec<TrainingCurve> = Vec::new();
    for row in rows.iter().filter(|row| row.name != SPEED) {
        let at = curves.iter().position(|curve| curve.split == row.split && curve.name == row.name);
        let at = at.unwrap_or_else(|| {
            curves.push(TrainingCurve {
                split: row.split.clone(),
                name: row.name.clone(),
                points: Vec::new(),
            });
            curves.len() - 1
        });
        curves[at].points.push([row.epoch, row.value]);
    }
    for curve in &mut curves {
        let n = curve.points.len();
        let step = n.div_ceil(POINTS).max(1);
        let mut at = 0;
        // The last point stays.
        curve.points.retain(|_| {
            at += 1;
            (n - at).is_multiple_of(step)
        });
    }
    curves
}

#[cfg(test)]
mod tests {
    use super::{MetricRow, of_rows};

    #[test]
    fn long_curves_are_thinned_and_end_where_they_end() {
        let row = |step: u64, split: &str| MetricRow {
            step,
            epoch: step as f64,
            split: split.to_owned(),
            name: "loss".to_owned(),
            value: -(step as f64),
        };
        let rows: Vec<MetricRow> =
            (0..1000).map(|step| row(step, "train")).chain([row(7, "validation")]).collect();
        let curves = of_rows(&rows);
        assert_eq!(curves.len(), 2);
        assert_eq!((curves[0].points.len(), curves[0].points.last()), (334, Some(&[999.0, -999.0])));
        assert_eq!(curves[1].points, [[7.0, -7.0]]);
    }
}
