//! The splicing curves of one gene: induction from nothing until the switch, repression after it.
//!
//! `du/dt = alpha - beta u`, `ds/dt = beta u - gamma s`, in closed form (Bergen 2020, equation 1).

use super::math::{exp, ln};

/// Parameters of one gene; unspliced abundances are in units of `scaling`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parameters {
    /// Transcription rate while induced.
    pub alpha: f64,
    /// Splicing rate of scaled unspliced abundance.
    pub beta: f64,
    /// Degradation rate.
    pub gamma: f64,
    /// Unspliced abundance that counts as 1 spliced.
    pub scaling: f64,
    /// Time of the switch from induction to repression.
    pub switch: f64,
}

/// One branch: a curve from a starting point towards its steady state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Branch {
    beta: f64,
    gamma: f64,
    start: (f64, f64),
    steady: (f64, f64),
    mixed: f64,
}

impl Branch {
    /// The branch with transcription `alpha` from the abundances `start`.
    #[inline(always)]
    pub fn new(alpha: f64, beta: f64, gamma: f64, start: (f64, f64)) -> Self {
        let mixed = (alpha - start.0 * beta) * inverse(gamma - beta);
        Self { beta, gamma, start, steady: (alpha / beta, alpha / gamma), mixed }
    }

    /// Returns unspliced and spliced abundance at time `tau` after the start.
    #[inline(always)]
    pub fn at(&self, tau: f64) -> (f64, f64) {
        let (expu, exps) = (exp(-self.beta * tau), exp(-self.gamma * tau));
        let u = self.start.0 * expu + self.steady.0 * (1.0 - expu);
        let s = self.start.1 * exps + self.steady.1 * (1.0 - exps) + self.mixed * (exps - expu);
        (u, s)
    }
}

impl Parameters {
    /// Returns the induction branch.
    #[inline(always)]
    pub fn induction(&self) -> Branch {
        Branch::new(self.alpha, self.beta, self.gamma, (0.0, 0.0))
    }

    /// Returns abundances at the switch.
    #[inline(always)]
    pub fn at_switch(&self) -> (f64, f64) {
        self.induction().at(self.switch)
    }

    /// Returns the repression branch from the abundances at the switch.
    #[inline(always)]
    pub fn repression(&self, at_switch: (f64, f64)) -> Branch {
        Branch::new(0.0, self.beta, self.gamma, at_switch)
    }
}

/// Inverse of a branch: the time at which abundances are reached, from u alone or from u and s.
///
/// A cell's `x = (a u + b s + c)` decays exponentially with one rate; its logarithm gives the time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inverse {
    rate: f64,
    of_u: f64,
    of_s: f64,
    constant: f64,
}

/// Closest that a decaying share comes to 0 and to 1.
const SHARE: f64 = 1e-6;

impl Inverse {
    /// The inverse of a branch, from u alone when `gamma >= beta`, as scVelo's `tau_inv`.
    #[inline(always)]
    pub fn new(alpha: f64, beta: f64, gamma: f64, start: (f64, f64)) -> Self {
        if gamma >= beta {
            return Self::unspliced(alpha, beta, start.0);
        }
        let ratio = beta * inverse(gamma - beta);
        let steady = alpha / gamma - ratio * (alpha / beta);
        let whole = start.1 - ratio * start.0 - steady;
        Self { rate: gamma, of_u: -ratio / whole, of_s: 1.0 / whole, constant: -steady / whole }
    }

    /// The inverse from unspliced abundance alone.
    #[inline(always)]
    pub fn unspliced(alpha: f64, beta: f64, start: f64) -> Self {
        let steady = alpha / beta;
        let whole = start - steady;
        Self { rate: beta, of_u: 1.0 / whole, of_s: 0.0, constant: -steady / whole }
    }

    /// Returns the time at which the branch passes the abundances.
    #[inline(always)]
    pub fn at(&self, u: f64, s: f64) -> f64 {
        let share = self.of_u * u + self.of_s * s + self.constant;
        -ln(share.clamp(SHARE, 1.0 - SHARE)) / self.rate
    }
}

/// Returns 1 / x, NaN for 0 as scVelo's `invert`.
#[inline(always)]
fn inverse(x: f64) -> f64 {
    if x == 0.0 { f64::NAN } else { 1.0 / x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_satisfy_the_equations_and_their_inverses() {
        for (beta, gamma) in [(1.0, 0.4), (0.5, 0.9)] {
            let p = Parameters { alpha: 5.0, beta, gamma, scaling: 1.0, switch: 3.0 };
            let top = p.at_switch();
            for (branch, alpha, start) in [(p.induction(), 5.0, (0.0, 0.0)), (p.repression(top), 0.0, top)] {
                let (h, tau) = (1e-5, 1.3);
                let ((u0, s0), (u, s), (u1, s1)) = (branch.at(tau - h), branch.at(tau), branch.at(tau + h));
                assert!(((u1 - u0) / (2.0 * h) - (alpha - beta * u)).abs() < 1e-6);
                assert!(((s1 - s0) / (2.0 * h) - (beta * u - gamma * s)).abs() < 1e-6);
                assert!((Inverse::new(alpha, beta, gamma, start).at(u, s) - tau).abs() < 1e-9);
                assert!((Inverse::unspliced(alpha, beta, start.0).at(u, s) - tau).abs() < 1e-9);
            }
        }
    }
}
