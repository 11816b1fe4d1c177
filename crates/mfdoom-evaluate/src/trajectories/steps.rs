//! What the states of each step are like.

use std::collections::BTreeMap;

use mfdoom_matrix::median;
use serde::Serialize;

use super::observed::Observed;
use super::states::{State, Trajectories};

/// The states of one step.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    step: usize,
    /// Number of trajectories that came this far.
    n: usize,
    /// Mean pseudotime of the observed cells nearest to them; null where there is none.
    pseudotime: Option<f64>,
    /// Median distance to the observed cells.
    drift: Option<f64>,
    /// Share of each label.
    labels: BTreeMap<String, f64>,
}

/// Returns every step that a trajectory came to.
pub(super) fn by_step(trajectories: &Trajectories, observed: &Observed) -> Vec<Step> {
    let mut steps: BTreeMap<usize, Vec<&State>> = BTreeMap::new();
    for state in trajectories.all.iter().flat_map(|of| &of.states) {
        steps.entry(state.step).or_default().push(state);
    }
    steps.into_iter().map(|(step, here)| of_step(step, &here, observed)).collect()
}

fn of_step(step: usize, here: &[&State], observed: &Observed) -> Step {
    let near = || here.iter().filter_map(|state| state.nearest);
    let times: Vec<f64> = near().map(|cell| observed.time[cell]).filter(|time| time.is_finite()).collect();
    let mut labels = BTreeMap::new();
    for label in near().filter_map(|cell| observed.labels[cell].clone()) {
        *labels.entry(label).or_insert(0.0) += 1.0 / here.len() as f64;
    }
    Step {
        step,
        n: here.len(),
        pseudotime: (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64),
        drift: median(&mut here.iter().map(|state| state.drift).collect::<Vec<_>>()),
        labels,
    }
}
