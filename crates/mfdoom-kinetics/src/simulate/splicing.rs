//! Splicing kinetics at a constant transcription rate, in closed form.
//!
//! du/dt = alpha - beta u and ds/dt = beta u - gamma s (La Manno et al. 2018; the solution as in Bergen et al.
//! 2020, equations 3 and 4, written so that beta = gamma is no special case).

/// Unspliced and spliced molecules of one gene in one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct State {
    /// Unspliced molecules.
    pub u: f64,
    /// Spliced molecules.
    pub s: f64,
}

/// Splicing and degradation rate of a gene, per unit of time, both positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Splicing rate.
    pub beta: f64,
    /// Degradation rate.
    pub gamma: f64,
}

impl Rates {
    /// Returns the state that transcription at `alpha` settles in: (alpha / beta, alpha / gamma).
    pub fn steady(&self, alpha: f64) -> State {
        State { u: alpha / self.beta, s: alpha / self.gamma }
    }

    /// Returns the state after `time` units of transcription at `alpha`.
    ///
    /// ```
    /// use mfdoom_kinetics::simulate::{Rates, State};
    ///
    /// let rates = Rates { beta: 1.0, gamma: 1.0 };
    /// let later = rates.advance(State::default(), 2.0, 3.0);
    /// assert!((later.u - 2.0 * (1.0 - (-3.0f64).exp())).abs() < 1e-12);
    /// assert!((later.s - 2.0 * (1.0 - 4.0 * (-3.0f64).exp())).abs() < 1e-12);
    /// ```
    pub fn advance(&self, from: State, alpha: f64, time: f64) -> State {
        let Rates { beta, gamma } = *self;
        let difference = (gamma - beta).abs() * time;
        let slow = (-beta.min(gamma) * time).exp();
        let fast = slow * (-difference).exp();
        let (u_left, s_left) = if beta < gamma { (slow, fast) } else { (fast, slow) };
        // (exp(-gamma t) - exp(-beta t)) / (beta - gamma), without cancellation near beta = gamma
        let exchange = slow * time * relative_expm1(-difference);
        State {
            u: from.u * u_left + alpha / beta * (1.0 - u_left),
            s: from.s * s_left + alpha / gamma * (1.0 - s_left) + (beta * from.u - alpha) * exchange,
        }
    }

    /// Returns the RNA velocity ds/dt = beta u - gamma s.
    pub fn velocity(&self, state: State) -> f64 {
        self.beta * state.u - self.gamma * state.s
    }
}

/// (exp(x) - 1) / x, 1 at 0.
fn relative_expm1(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { x.exp_m1() / x }
}
