//! The sequence of steps that fits one gene, as scVelo's `DynamicsRecovery.fit`.
//!
//! Every step is a single move of a downhill simplex on one to four parameters, times being found anew for every
//! trial, followed by an update that is accepted only if the loss falls.

use super::assign::Timing;
use super::curve::Parameters;
use super::model::Model;
use super::simplex::{Limits, minimise};
use crate::moments::Smoother;

/// Tolerances of the steps: those with rates, and the others.
const TOLERANCES: [f64; 2] = [1e-2, 1e-4];

/// Fits the gene that the model holds; `iterations` bounds each simplex.
pub(super) fn fit(model: &mut Model, smoother: &Smoother, iterations: usize) {
    let limits = TOLERANCES.map(|tolerance| Limits { max_iterations: iterations, tolerance });
    fit_switch_and_alpha(model, smoother, limits[1]);
    search(model, smoother, limits[1], ([|p| &mut p.switch, |p| &mut p.beta, |p| &mut p.scaling], true));
    search(model, smoother, limits[0], ([|p| &mut p.alpha, |p| &mut p.gamma], true));
    search(model, smoother, limits[1], ([|p| &mut p.switch], true));
    search(model, smoother, limits[0], (RATES, true));
    model.timing = Some(Timing::Projection);
    let p = model.parameters();
    model.update(smoother, p, false);
    search(model, smoother, limits[0], (RATES, false));
    let p = model.parameters();
    model.update(smoother, p, true);
}

/// A parameter, to read and to write.
type Field = fn(&mut Parameters) -> &mut f64;

/// Switch and all three rates.
const RATES: [Field; 4] = [|p| &mut p.switch, |p| &mut p.alpha, |p| &mut p.beta, |p| &mut p.gamma];

/// Tries five transcription rates, then searches switch and rate together.
fn fit_switch_and_alpha(model: &mut Model, smoother: &Smoother, limits: Limits) {
    let middle = model.parameters().alpha;
    for share in [-1.0, -0.5, 0.0, 0.5, 1.0] {
        let alpha = middle + share * middle / 10.0;
        let p = model.parameters();
        model.update(smoother, Parameters { alpha, ..p }, true);
    }
    search(model, smoother, limits, ([|p| &mut p.switch, |p| &mut p.alpha], true));
}

/// Searches the given fields, times found anew or kept, and updates the model with the best.
fn search<const N: usize>(
    model: &mut Model,
    smoother: &Smoother,
    limits: Limits,
    (fields, find_times): ([Field; N], bool),
) {
    let base = model.parameters();
    let with = |values: &[f64; N]| {
        let mut p = base;
        for (field, value) in fields.iter().zip(values) {
            *field(&mut p) = *value;
        }
        p
    };
    let start = fields.map(|field| *field(&mut base.clone()));
    model.begin_search();
    let best = minimise(start, limits, |values| {
        let p = with(values);
        if find_times { model.mean_loss(smoother, &p) } else { model.mean_loss_at_times(&p) }
    });
    model.update(smoother, with(&best), true);
}
