//! Streams of the fields side by side, and the uncertainty against the error.

use mfdoom_error::Result;
use mfdoom_matrix::Matrix;
use mfdoom_plot::{Calibration, CalibrationBin, Field, Streams};

use super::calibration::{Bin, CalibrationScores};
use super::clusters::Clusters;
use super::matching::Matched;
use super::space::Space;
use crate::report::Figure;

/// Draws the fields, as projected on the first layout.
pub(super) fn streams(
    matched: &Matched,
    space: &Space,
    clusters: &Clusters,
    drawn: &[Matrix],
) -> Result<Option<Figure>> {
    let Some((_, layout)) = space.layouts.first() else { return Ok(None) };
    let points = pairs(layout);
    let name = |&code: &u32| clusters.names.get(code as usize).map(String::as_str);
    let groups: Vec<Option<&str>> = clusters.codes.iter().map(name).collect();
    let velocities: Vec<Vec<[f64; 2]>> = drawn.iter().map(pairs).collect();
    let fields: Vec<Field<'_>> = (matched.fields.iter().zip(&velocities))
        .map(|((role, _), velocity)| Field { title: role.name(), velocity })
        .collect();
    let axes = ["UMAP 1", "UMAP 2"];
    let picture = Streams { axes, points: &points, groups: &groups, fields: &fields }.draw()?;
    Ok(Some(Figure { title: "Streams of the velocities".to_owned(), picture, cells: points.len() }))
}

/// Draws the bins of a calibration with the diagonal.
pub(super) fn calibration(score: &CalibrationScores) -> Result<Figure> {
    let bin = |bin: &Bin| CalibrationBin {
        n: bin.n,
        predicted: bin.uncertainty,
        observed: bin.error,
        quartiles: [bin.q25, bin.q75],
    };
    let bins: Vec<CalibrationBin> = score.bins.iter().map(bin).collect();
    let title = format!("Uncertainty and error of a cell, against {}", score.against);
    let axes = ["uncertainty", "root mean square error over genes"];
    let picture = Calibration { title: &title, predicted: axes[0], observed: axes[1], bins: &bins }.draw()?;
    Ok(Figure { title, picture, cells: 0 })
}

fn pairs(matrix: &Matrix) -> Vec<[f64; 2]> {
    (0..matrix.n_rows()).map(|row| [0, 1].map(|axis| f64::from(matrix.row(row)[axis]))).collect()
}
