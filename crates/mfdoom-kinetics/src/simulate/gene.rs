//! Rates and transcription programme of a gene, and its state at any place of the tree.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use super::stream::{Purpose, stream};
use super::{Cell, Design, Rates, State, Tree};

/// How the transcription of a gene changes on the cells that pass its branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programme {
    /// Always at the high rate.
    Housekeeping,
    /// Low, then high.
    Induced,
    /// High, then low.
    Repressed,
    /// Low, high for a while, then low again.
    Transient,
}

impl Programme {
    /// Every programme, in the order of its number.
    pub const ALL: [Self; 4] = [Self::Housekeeping, Self::Induced, Self::Repressed, Self::Transient];

    /// Returns its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Housekeeping => "housekeeping",
            Self::Induced => "induced",
            Self::Repressed => "repressed",
            Self::Transient => "transient",
        }
    }
}

/// One gene.
#[derive(Clone, Debug)]
pub struct Gene {
    /// High transcription rate, molecules per unit of time.
    pub alpha: f64,
    /// Low transcription rate; equal to `alpha` for housekeeping genes.
    pub alpha_low: f64,
    /// Splicing and degradation rate.
    pub rates: Rates,
    /// How its transcription changes.
    pub programme: Programme,
    /// The branch on which it changes; cells that do not pass it keep the first rate for good.
    pub branch: usize,
    /// When transcription becomes high; `None` where it starts so.
    pub on: Option<f64>,
    /// When transcription becomes low again; `None` where it never does.
    pub off: Option<f64>,
    knots: Vec<Knot>,
}

/// A switch of transcription: the state then, and the rate from then on.
#[derive(Clone, Copy, Debug)]
struct Knot {
    time: f64,
    state: State,
    alpha: f64,
}

/// Medians and log standard deviations of the rates: (alpha, beta, gamma).
const MEDIANS: [f64; 3] = [0.8, 1.0, 0.28];
const SPREADS: [f64; 3] = [1.0, 0.3, 0.4];
/// Log standard deviation of the fold change between high and low transcription.
const FOLD_SPREAD: f64 = 0.4;
/// How long a transient gene stays high, as shares of the whole time.
const TRANSIENT: std::ops::Range<f64> = 0.2..0.45;

impl Gene {
    /// Draws gene number `index`.
    pub(crate) fn sample(design: &Design, tree: &Tree, index: usize) -> Self {
        let mut rng = stream(design.seed, Purpose::Gene, index);
        let [alpha, beta, gamma] = std::array::from_fn(|i| log_normal(MEDIANS[i], SPREADS[i], &mut rng));
        let fold = 1.0 + log_normal(design.fold_change - 1.0, FOLD_SPREAD, &mut rng);
        let dynamic = rng.random::<f64>() < design.dynamic_genes;
        let kind = rng.random::<f64>();
        let branch = rng.random_range(0..tree.branches().len() as u32) as usize;
        let within = &tree.branches()[branch];
        let first = within.start + rng.random::<f64>() * (within.end - within.start);
        let second = first + rng.random_range(TRANSIENT) * tree.end();
        let (programme, on, off) = match kind {
            _ if !dynamic => (Programme::Housekeeping, None, None),
            k if k < 0.5 => (Programme::Induced, Some(first), None),
            k if k < 0.8 => (Programme::Repressed, None, Some(first)),
            _ => (Programme::Transient, Some(first), Some(second)),
        };
        let alpha_low = if dynamic { alpha / fold } else { alpha };
        Self { alpha, alpha_low, rates: Rates { beta, gamma }, programme, branch, on, off, knots: Vec::new() }
            .with_knots()
    }

    fn with_knots(mut self) -> Self {
        let mut alpha = if self.on.is_some() { self.alpha_low } else { self.alpha };
        let mut knot = Knot { time: 0.0, state: self.rates.steady(alpha), alpha };
        self.knots.push(knot);
        for (switch, level) in [(self.on, self.alpha), (self.off, self.alpha_low)] {
            if let Some(time) = switch {
                let state = self.rates.advance(knot.state, alpha, time - knot.time);
                alpha = level;
                knot = Knot { time, state, alpha };
                self.knots.push(knot);
            }
        }
        self
    }

    /// Returns the transcription rate in a cell that passes the gene's branch (`passes`) at `time`.
    pub fn alpha_at(&self, passes: bool, time: f64) -> f64 {
        self.knot_at(passes, time).alpha
    }

    /// Returns the state in a cell that passes the gene's branch (`passes`) at `time`.
    ///
    /// Every gene starts in the steady state of its first rate and stays there until its first switch.
    pub fn state_at(&self, passes: bool, time: f64) -> State {
        let knot = self.knot_at(passes, time);
        if knot.time == 0.0 {
            return knot.state;
        }
        self.rates.advance(knot.state, knot.alpha, time - knot.time)
    }

    /// Returns the state in a cell.
    pub fn state_in(&self, tree: &Tree, cell: &Cell) -> State {
        self.state_at(tree.passes(cell.fate, self.branch), cell.time)
    }

    fn knot_at(&self, passes: bool, time: f64) -> &Knot {
        let passed = self.knots[1..].iter().take_while(|knot| passes && knot.time <= time).count();
        &self.knots[passed]
    }
}

fn log_normal(median: f64, spread: f64, rng: &mut ChaCha8Rng) -> f64 {
    LogNormal::new(median.ln(), spread).map_or(median, |distribution| distribution.sample(rng))
}
