//! Every metric of every pair of heads on the cells that have both.

use std::sync::OnceLock;

use mfdoom_matrix::subsample;
use serde::Serialize;

use super::Setup;
use super::input::HeadVectors;
use super::sets::sets;
use crate::metric::pair::Pair;
use crate::metric::{self, pair};
use crate::scores::{Document, Place};

/// Most cells that are sought in another head, drawn by the seed: cost grows with the square.
const PAIRED: usize = 20_000;

/// Share of cells found among the first k of another head.
#[derive(Serialize)]
pub(super) struct Curve {
    head: String,
    against: String,
    points: Vec<(usize, f64)>,
}

/// Scores every pair of heads on the cells that have both: all, and those of each group.
pub(super) fn pairs(setup: &Setup<'_>, document: &mut Document) -> Vec<Curve> {
    let cells = &setup.cells;
    let everything: Vec<usize> = (0..cells.len()).collect();
    let mut curves = Vec::new();
    for set in sets(&everything, &[], &cells.groups) {
        for &(first, second) in &cells.pairs {
            let (first, second) = (&cells.heads[first], &cells.heads[second]);
            // Of a cell with one modality, what it is embedded from and all of it are the same.
            let both = |row: &usize| first.is_present(*row) && second.is_present(*row) && second.mixes(*row);
            let rows: Vec<usize> = set.rows.iter().copied().filter(both).collect();
            let drawn = subsample(rows.len(), PAIRED, setup.args.run.seed.seed);
            let rows: Vec<usize> = drawn.into_iter().map(|at| rows[at]).collect();
            if rows.is_empty() && set.name != "all" {
                continue;
            }
            let against =
                if first.name == second.name { second.from.join(" + ") } else { second.name.clone() };
            let place = Place::new(&set.name, &first.name, rows.len())
                .kind(first.kind)
                .from(&first.from)
                .against(&against);
            if let Some(points) = pair(setup, (first, second), &rows, &place, document) {
                let head = match first.name == second.name {
                    true => format!("{} from {}", first.name, first.from.join(" + ")),
                    false => first.name.clone(),
                };
                if set.name == "all" {
                    curves.push(Curve { head, against, points });
                }
            }
        }
    }
    curves
}

/// Scores a pair of heads on some cells and returns the share of cells found among the first k.
fn pair(
    setup: &Setup<'_>,
    (first, second): (&HeadVectors, &HeadVectors),
    rows: &[usize],
    place: &Place,
    document: &mut Document,
) -> Option<Vec<(usize, f64)>> {
    let [one, other] = [first, second].map(|head| head.vectors.select_rows(rows));
    let labels: Vec<Option<u32>> = rows.iter().map(|&row| setup.labels.codes[row]).collect();
    let seed = setup.args.run.seed.seed;
    let view = Pair { first: &one, second: &other, labels: &labels, seed, curve: OnceLock::new() };
    match view.obstacle() {
        Some(reason) => metric::refuse(&pair::all(), &reason, place, &mut document.scores),
        None => metric::score(&pair::all(), &view, place, &mut document.scores),
    }
    view.curve.get().cloned()
}
