//! First parameters of a gene, from its cells of extreme expression, and the first search for the scaling.

use mfdoom_matrix::percentile;

use super::bimodality::upper_mode;
use super::curve::{Inverse, Parameters};
use super::gene::{Gene, fill};
use super::model::Model;
use crate::moments::Smoother;

/// Percentile of the fitted cells that counts as steady state.
const EXTREME: f64 = 98.0;
/// Below this chance of a single mode, the upper mode is taken as the steady state.
const BIMODAL: f64 = 1e-3;

/// The upper modes of one gene.
#[derive(Debug, Clone, Copy)]
pub(super) struct Modes {
    /// Chance that there is one mode only.
    pub p_value: f64,
    /// Spliced abundance at the upper mode.
    pub steady_s: f64,
}

/// Sets the model's first parameters and refines their scaling; the gene must be loaded.
pub(super) fn initialise(model: &mut Model, smoother: &Smoother) -> Modes {
    let scaling = model.gene.std_u / model.gene.std_s;
    let values = &mut model.scratch.values;
    let mode_u = {
        let scaled: Vec<f64> = model.gene.fitted(&model.gene.u).map(|u| u / scaling).collect();
        upper_mode(&scaled, values)
    };
    let spliced: Vec<f64> = model.gene.fitted(&model.gene.s).collect();
    let mode_s = upper_mode(&spliced, values);
    let p_value = mode_u.p_value.max(mode_s.p_value);
    let extremes = Extremes::of(&model.gene, scaling, values);
    let bimodal = (p_value < BIMODAL).then_some(mode_u.mean);
    model.steady_u = mode_u.mean;
    model.start(smoother, extremes.parameters(scaling, bimodal));
    for sight in [0.5, 0.1] {
        refine_scaling(model, smoother, sight);
    }
    let p = model.parameters();
    model.ratio = Some(p.gamma / p.beta);
    Modes { p_value, steady_s: mode_s.mean }
}

/// Tries four scalings around the accepted one, the splicing rate moving along.
fn refine_scaling(model: &mut Model, smoother: &Smoother, sight: f64) {
    let middle = model.parameters().scaling;
    for share in [-1.0, -1.0 / 3.0, 1.0 / 3.0, 1.0] {
        let scaling = middle + share * middle * sight;
        let p = model.parameters();
        model.update(smoother, Parameters { scaling, beta: p.beta / p.scaling * scaling, ..p }, true);
    }
}

/// Means and slope over the cells of extreme expression, unspliced scaled.
struct Extremes {
    u: f64,
    s: f64,
    slope: f64,
}

impl Extremes {
    fn of(gene: &Gene, scaling: f64, values: &mut Vec<f64>) -> Self {
        fill(values, gene.fitted(&gene.s));
        let bound_s = percentile(values, EXTREME);
        fill(values, gene.fitted(&gene.u).map(|u| u / scaling));
        let bound_u = percentile(values, EXTREME);
        let (mut us, mut ss, mut high_s, mut high_u) = (0.0, 0.0, [0.0; 2], [0.0; 2]);
        for (u, s) in gene.fitted(&gene.u).zip(gene.fitted(&gene.s)) {
            let u = u / scaling;
            if s >= bound_s {
                (us, ss) = (us + u * s, ss + s * s);
                high_s = [high_s[0] + 1.0, high_s[1] + s];
            }
            if s >= bound_s || u >= bound_u {
                high_u = [high_u[0] + 1.0, high_u[1] + u];
            }
        }
        Self { u: high_u[1] / high_u[0], s: high_s[1] / high_s[0], slope: us / ss }
    }

    /// Returns the parameters; `bimodal` is the upper unspliced mode of a gene with two modes.
    fn parameters(&self, scaling: f64, bimodal: Option<f64>) -> Parameters {
        // Never exactly beta, where the closed form has no value.
        let mut gamma = self.slope + 1e-6;
        if gamma < 0.05 / scaling {
            gamma *= 1.2;
        } else if gamma > 1.5 / scaling {
            gamma /= 1.2;
        }
        let (mut alpha, mut beta, mut top) = (self.u, 1.0, self.u);
        if let Some(mode) = bimodal {
            top = f64::midpoint(self.u, mode);
            alpha = gamma * self.s;
            beta = alpha / top;
        }
        let switch = Inverse::new(alpha, beta, gamma, (0.0, 0.0)).at(top, self.s);
        Parameters { alpha, beta, gamma, scaling, switch }
    }
}
