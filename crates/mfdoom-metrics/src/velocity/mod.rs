//! Scores of RNA velocities: against a truth, and by themselves on an embedding.
//!
//! NaN means no velocity: it is left out of every sum and never taken for zero.

mod accuracy;
mod boundary;
mod coherence;
mod control;
mod held_out;

pub use accuracy::{Quartiles, cell_cosines, gene_correlations, quartiles};
pub use boundary::{EdgeDirection, cross_boundary, mean_direction};
pub use coherence::{Coherence, in_cluster_coherence};
pub use control::{constant_field, shuffled_field};
pub use held_out::{FoldPrediction, HeldOutScores, held_out_scores};

/// Sums over pairs of numbers that are both finite.
#[derive(Clone, Copy, Default)]
pub(crate) struct Pairs {
    n: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Pairs {
    pub(crate) fn of(pairs: impl Iterator<Item = (f32, f32)>) -> Self {
        let finite = pairs.filter(|(x, y)| x.is_finite() && y.is_finite());
        finite.fold(Self::default(), |mut sums, (x, y)| {
            let (x, y) = (f64::from(x), f64::from(y));
            sums.n += 1.0;
            sums.x += x;
            sums.y += y;
            sums.xx += x * x;
            sums.yy += y * y;
            sums.xy += x * y;
            sums
        })
    }

    /// Returns the cosine; nothing without a pair or where a side is zero throughout.
    pub(crate) fn cosine(&self) -> Option<f64> {
        let length = (self.xx * self.yy).sqrt();
        (length > 0.0).then(|| (self.xy / length).clamp(-1.0, 1.0))
    }
}

/// Returns the mean of what is there.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    (n > 0.0).then(|| sum / n)
}
