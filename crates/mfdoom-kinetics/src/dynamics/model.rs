//! The state of one gene's fit: its parameters, its times, and which changes are accepted.

use super::assign::{Guess, Timing, assign, loss_at_times, state_at};
use super::curve::Parameters;
use super::gene::Gene;
use super::workspace::{Assignment, Scratch};
use crate::moments::Smoother;

/// Everything one thread needs to fit genes, one after the other.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// The gene in hand.
    pub gene: Gene,
    /// Memory of the evaluations.
    pub scratch: Scratch,
    /// Accepted parameters.
    pub current: Option<Parameters>,
    /// Times under the accepted parameters.
    pub assignment: Assignment,
    /// How times are found.
    pub timing: Option<Timing>,
    /// Abundance of the upper unspliced mode, in accepted scaling.
    pub steady_u: f64,
    /// Ratio gamma / beta that later steps are held to.
    pub ratio: Option<f64>,
    /// Loss when the last change was accepted.
    loss: f64,
    /// Loss, without the hold, of the accepted parameters by a timing.
    known: Option<(Timing, f64)>,
    trial: Assignment,
    alternative: Assignment,
    /// The best trial of a search, with its loss without the hold.
    best: Option<(Parameters, f64, f64)>,
    best_trial: Assignment,
}

impl Model {
    /// Returns the accepted parameters.
    pub fn parameters(&self) -> Parameters {
        self.current.expect("the model is initialised before it is fitted")
    }

    /// Returns how times are found now.
    fn timing(&self) -> Timing {
        self.timing.unwrap_or(Timing::Explicit)
    }

    /// Accepts the first parameters, whatever their loss.
    pub fn start(&mut self, smoother: &Smoother, p: Parameters) {
        self.timing = Some(Timing::Explicit);
        self.ratio = None;
        self.current = Some(p);
        self.loss = assign(
            &self.gene,
            smoother,
            Guess { parameters: &p, timing: Timing::Explicit },
            &mut self.scratch,
            &mut self.assignment,
        );
        self.known = Some((Timing::Explicit, self.loss));
    }

    /// Returns what straying from the steady-state ratio adds to the loss.
    fn hold(&self, p: &Parameters) -> f64 {
        let away = self.ratio.map_or(0.0, |ratio| (p.gamma / p.beta - ratio) / self.gene.std_s);
        away * away * self.gene.squared_s
    }

    /// Forgets the best trial, before a search.
    pub fn begin_search(&mut self) {
        self.best = None;
    }

    /// Returns the mean loss of the fitted cells with times found anew; the best trial is remembered.
    pub fn mean_loss(&mut self, smoother: &Smoother, p: &Parameters) -> f64 {
        let p = self.valid(*p);
        if let Some(bare) = self.known_loss(&p) {
            return (bare + self.hold(&p)) / self.gene.n_fitted;
        }
        let bare = assign(
            &self.gene,
            smoother,
            Guess { parameters: &p, timing: self.timing() },
            &mut self.scratch,
            &mut self.trial,
        );
        let loss = bare + self.hold(&p);
        if self.best.is_none_or(|(_, _, best)| loss < best) {
            self.best = Some((p, bare, loss));
            std::mem::swap(&mut self.trial, &mut self.best_trial);
        }
        loss / self.gene.n_fitted
    }

    /// Returns the loss, without the hold, of the accepted parameters, if these they are and nothing changed since.
    fn known_loss(&self, p: &Parameters) -> Option<f64> {
        let (timing, loss) = self.known?;
        (timing == self.timing() && self.current == Some(*p)).then_some(loss)
    }

    /// Fills the trial with the times of `p`, found anew unless they are known; returns the loss without the hold.
    fn try_out(&mut self, smoother: &Smoother, p: &Parameters) -> f64 {
        if let Some(loss) = self.known_loss(p) {
            self.trial.clone_from(&self.assignment);
            return loss;
        }
        if let Some((_, loss, _)) = self.best.take_if(|(best, ..)| best == p) {
            std::mem::swap(&mut self.trial, &mut self.best_trial);
            return loss;
        }
        assign(
            &self.gene,
            smoother,
            Guess { parameters: p, timing: self.timing() },
            &mut self.scratch,
            &mut self.trial,
        )
    }

    /// Returns the mean loss of the fitted cells when all cells keep their times.
    pub fn mean_loss_at_times(&self, p: &Parameters) -> f64 {
        let p = &self.valid(*p);
        (loss_at_times(&self.gene, p, &self.assignment.time) + self.hold(p)) / self.gene.n_fitted
    }

    /// Replaces a switch time of 0, which means none, by the accepted one.
    fn valid(&self, p: Parameters) -> Parameters {
        if p.switch == 0.0 { Parameters { switch: self.parameters().switch, ..p } } else { p }
    }

    /// Accepts parameters if they lower the loss; with `adjust`, an earlier switch where no cell is later.
    pub fn update(&mut self, smoother: &Smoother, p: Parameters, adjust: bool) {
        let timing = self.timing();
        let previous = self.loss;
        let mut p = self.valid(p);
        let mut bare = self.try_out(smoother, &p);
        let mut loss = bare + self.hold(&p);
        let mut accept = loss < previous;
        if adjust && self.assignment.on.contains(&true) {
            if !accept {
                p = self.parameters();
                bare = self.try_out(smoother, &p);
                loss = bare + self.hold(&p);
            }
            if let Some((switch, alternative)) = self.earlier_switch(smoother, &p, timing) {
                let earlier = Parameters { switch, ..p };
                let loss_earlier = alternative + self.hold(&earlier);
                let (now, then) = (p.at_switch().0, earlier.at_switch().0);
                if loss_earlier * 0.99 <= loss.min(previous) || now * 0.99 < then {
                    std::mem::swap(&mut self.trial, &mut self.alternative);
                    (p, bare, loss, accept) = (earlier, alternative, loss_earlier, true);
                }
            }
        }
        if accept {
            self.steady_u *= self.parameters().scaling / p.scaling;
            std::mem::swap(&mut self.trial, &mut self.assignment);
            self.current = Some(p);
            self.known = Some((timing, bare));
            self.loss = loss;
        }
    }

    /// Tries the latest time of the cells that were induced as the switch, and returns it with its loss.
    fn earlier_switch(&mut self, smoother: &Smoother, p: &Parameters, timing: Timing) -> Option<(f64, f64)> {
        let times = &self.trial.time;
        let induced = times.iter().zip(&self.assignment.on).filter(|(_, on)| **on);
        let latest = induced.fold(f64::NEG_INFINITY, |latest, (t, _)| latest.max(*t));
        if !(latest > 0.0 && latest < p.switch) {
            return None;
        }
        let longest = times.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let at_switch = times.iter().filter(|&&t| t == p.switch).count() as f64;
        let switch = latest + longest / times.len() as f64 * at_switch;
        let earlier = Parameters { switch, ..*p };
        let loss = assign(
            &self.gene,
            smoother,
            Guess { parameters: &earlier, timing },
            &mut self.scratch,
            &mut self.alternative,
        );
        Some((switch, loss))
    }

    /// Returns likelihood and variance of the fit over the cells of upper expression.
    ///
    /// The likelihood is that of the accepted times, the variance that of times found anew, as in scVelo.
    pub fn likelihood_and_variance(&mut self, smoother: &Smoother) -> (f64, f64) {
        let p = self.parameters();
        let away = self.ratio.map_or(0.0, |ratio| (p.gamma / p.beta - ratio) / self.gene.std_s);
        let kept = self.moments_of_residuals(&p, &self.assignment.time, away);
        let timing = self.timing();
        assign(&self.gene, smoother, Guess { parameters: &p, timing }, &mut self.scratch, &mut self.trial);
        let anew = self.moments_of_residuals(&p, &self.trial.time, 0.0);
        let mut variance = kept.variance();
        if variance == 0.0 {
            variance = 1.0;
        }
        let n = (kept.count - self.gene.u.len() as f64 * 0.01).max(2.0);
        let log = -0.5 / n * kept.squares / variance - 0.5 * (2.0 * std::f64::consts::PI * variance).ln();
        (log.exp(), anew.variance())
    }

    /// Sums signed distances of the upper cells, `away` per spliced abundance added.
    fn moments_of_residuals(&self, p: &Parameters, time: &[f64], away: f64) -> Residuals {
        let gene = &self.gene;
        let mut out = Residuals::default();
        for i in (0..time.len()).filter(|&i| gene.upper[i]) {
            let (u, s) = state_at(p, time[i]);
            let du = (u - gene.u[i] / p.scaling) / gene.std_u * p.scaling;
            let ds = (s - gene.s[i]) / gene.std_s;
            let square = du * du + ds * ds + (away * gene.s[i]).powi(2);
            out.count += 1.0;
            out.squares += square;
            out.signed += if ds == 0.0 { 0.0 } else { square.sqrt().copysign(ds) };
        }
        out
    }
}

/// Sums over signed distances.
#[derive(Debug, Default)]
struct Residuals {
    count: f64,
    squares: f64,
    signed: f64,
}

impl Residuals {
    fn variance(&self) -> f64 {
        self.squares / self.count - (self.signed / self.count).powi(2)
    }
}
