//! Streams of the fields side by side.

use super::clusters::Clusters;
use super::matching::Matched;
use super::space::Space;
use crate::report::Figure;
use mfdoom_error::Result;
use mfdoom_metrics::Matrix;
use mfdoom_plot::{Field, Streams};

/// Draws the fields, as projected on the first layout.
pub(super) fn streams(
    matched: &Matched,
    space: &Space,
    clusters: &Clusters,
    drawn: &[Matrix],
) -> Result<Vec<Figure>> {
    let Some((_, layout)) = space.layouts.first() else { return Ok(Vec::new()) };
    let points = pairs(layout);
    let name = |&code: &u32| clusters.names.get(code as usize).map(String::as_str);
    let groups: Vec<Option<&str>> = clusters.codes.iter().map(name).collect();
    let velocities: Vec<Vec<[f64; 2]>> = drawn.iter().map(pairs).collect();
    let fields: Vec<Field<'_>> = (matched.fields.iter().zip(&velocities))
        .map(|((role, _), velocity)| Field { title: role.name(), velocity })
        .collect();
    let axes = ["UMAP 1", "UMAP 2"];
    let picture = Streams { axes, points: &points, groups: &groups, fields: &fields }.draw()?;
    Ok(vec![Figure { title: "Streams of the velocities".to_owned(), picture }])
}

fn pairs(matrix: &Matrix) -> Vec<[f64; 2]> {
    (0..matrix.n_rows()).map(|row| [0, 1].map(|axis| f64::from(matrix.row(row)[axis]))).collect()
}
