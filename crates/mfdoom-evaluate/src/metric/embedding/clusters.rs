//! NMI and ARI of the labels and Leiden clusters.

use mfdoom_matrix::{connectivities, median};
use mfdoom_metrics::{ari, leiden, nmi};
use rayon::prelude::*;

use super::super::{Metric, none};
use super::{BIOLOGY, View};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Nearest other cells in the graph: scib-metrics takes 15 with the cell itself.
const NEAREST: usize = 14;
/// Resolutions are .2, .4 ... 2.
const RESOLUTIONS: u32 = 10;
/// Seeds that the sweep is made with: one alone moves NMI by some .03.
const SEEDS: u64 = 5;

const NAMES: &[Name] = &[Name::high("nmi", BIOLOGY, "NMI"), Name::high("ari", BIOLOGY, "ARI")];

/// Agreement at the resolution with the highest NMI, as in scib-metrics: median over seeds, with their range.
pub(super) struct Clusters;

impl Metric<View<'_>> for Clusters {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        match view.need_labels().and_then(|()| view.near(NEAREST)) {
            Err(reason) => none(NAMES, reason),
            Ok(near) => {
                let graph = connectivities(&near);
                let runs: Vec<(u64, u32)> =
                    (0..SEEDS).flat_map(|seed| (1..=RESOLUTIONS).map(move |step| (seed, step))).collect();
                let agreement = |(seed, step): (u64, u32)| {
                    let clusters =
                        leiden(&graph, f64::from(step) / 5.0, view.settings.seed.wrapping_add(seed));
                    let of = |score: mfdoom_metrics::Result<f64>| score.unwrap_or(f64::NAN);
                    [of(nmi(view.labels, &clusters)), of(ari(view.labels, &clusters))]
                };
                let found: Vec<[f64; 2]> = runs.into_par_iter().map(agreement).collect();
                let best = |sweep: &[[f64; 2]]| {
                    let first = sweep[0];
                    sweep.iter().fold(first, |best, found| if found[0] > best[0] { *found } else { best })
                };
                let best: Vec<[f64; 2]> = found.chunks(RESOLUTIONS as usize).map(best).collect();
                [0, 1].map(|score| Ok(spread(best.iter().map(|found| found[score]).collect()))).to_vec()
            }
        }
    }
}

/// Returns the median with the range.
fn spread(mut values: Vec<f64>) -> Estimate {
    let value = median(&mut values).unwrap_or(f64::NAN);
    let ends = [
        values.iter().copied().fold(f64::INFINITY, f64::min),
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    ];
    Estimate::new(value, Some(ends))
}
