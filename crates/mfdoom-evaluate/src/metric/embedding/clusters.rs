//! NMI and ARI of the labels and Leiden clusters.

use mfdoom_matrix::connectivities;
use mfdoom_metrics::{Leiden, ari, nmi};
use rayon::prelude::*;

use super::super::{Metric, none};
use super::{BIOLOGY, View};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Nearest other cells in the graph: scib-metrics takes 15 with the cell itself.
const NEAREST: usize = 14;
/// Resolutions are .2, .4 ... 2.
const RESOLUTIONS: u32 = 10;
/// Seed of scib-metrics, to which that of the run is added.
const SEED: u64 = 42;
/// Seeds that the sweep is made with: one alone moves NMI by some .03.
const SEEDS: u64 = 5;

const NAMES: &[Name] = &[Name::high("nmi", BIOLOGY, "NMI"), Name::high("ari", BIOLOGY, "ARI")];

/// Agreement at the resolution with the highest NMI: that of scib-metrics' seed, with the range over five seeds.
pub(super) struct Clusters;

impl Metric<View<'_>> for Clusters {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &View<'_>, _: &Place, _: &Scores) -> Vec<Outcome> {
        match view.need_labels().and_then(|()| view.near(NEAREST)) {
            Err(reason) => none(NAMES, reason),
            Ok(near) => {
                let graph = Leiden::new(&connectivities(&near));
                let runs: Vec<(u64, u32)> =
                    (0..SEEDS).flat_map(|seed| (1..=RESOLUTIONS).map(move |step| (seed, step))).collect();
                let agreement = |(seed, step): (u64, u32)| {
                    let seed = view.settings.seed.wrapping_add(SEED + seed);
                    let clusters = graph.clusters(f64::from(step) / 5.0, seed);
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

/// Returns the first value with the range of all.
fn spread(values: Vec<f64>) -> Estimate {
    let ends = [
        values.iter().copied().fold(f64::INFINITY, f64::min),
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    ];
    Estimate::new(values.first().copied().unwrap_or(f64::NAN), Some(ends))
}
