//! Marks of cells.

use plotters::prelude::*;

use crate::canvas::{Painted, px};
use crate::chart::Chart;
use crate::groups::{Groups, fill, is_triangle};

/// Most points drawn: more make a heavy file and no better picture.
pub(crate) const MAX_POINTS: usize = 6000;

/// Returns the cells to draw in a scattered order, so that no group hides the others by being drawn last; what
/// has no group lies below all others.
pub(crate) fn order(points: &[[f64; 2]], below: impl Fn(usize) -> bool) -> Vec<usize> {
    let finite = |cell: &usize| points[*cell].iter().all(|x| x.is_finite());
    let mut cells: Vec<usize> = (0..points.len()).filter(finite).collect();
    cells.sort_by_key(|&cell| scramble(cell));
    cells.truncate(MAX_POINTS);
    cells.sort_by_key(|&cell| !below(cell));
    cells
}

/// Returns a number that scatters neighbours (the finaliser of SplitMix64, Steele et al. 2014).
fn scramble(cell: usize) -> u64 {
    let z = (cell as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns the radius in units of the mark of a cell among so many.
pub(crate) fn radius(n: usize) -> i32 {
    if n > 2000 { px(2) } else { px(3) }
}

/// Draws cells by group.
pub(crate) fn by_group(
    chart: &mut Chart<'_, '_>,
    points: &[[f64; 2]],
    groups: &Groups<'_>,
    opacity: f64,
) -> Painted {
    let group = |cell: usize| groups.of_cell[cell];
    let cells = order(points, |cell| group(cell).is_none());
    let radius = radius(cells.len());
    let place = |cell: usize| (points[cell][0], points[cell][1]);
    let style = |cell: usize| fill(group(cell)).mix(opacity).filled();
    let (triangles, discs): (Vec<usize>, Vec<usize>) =
        cells.into_iter().partition(|&cell| is_triangle(group(cell)));
    chart.draw_series(discs.into_iter().map(|cell| Circle::new(place(cell), radius, style(cell))))?;
    chart.draw_series(
        triangles.into_iter().map(|cell| TriangleMarker::new(place(cell), radius + px(1), style(cell))),
    )?;
    Ok(())
}
