//! Scores as rows, whatever they are scores of: what `metrics.json`, the table for people and the report are drawn from.

mod document;
mod name;
mod row;
mod table;
mod text;

pub use document::{Document, ScoredInput};
pub use name::{Best, Name};
pub use row::{Kind, Place, Row, Scores};
pub(crate) use table::{Table, write_parquet};
pub(crate) use text::{shown, text};

/// A score, with the interval that its value may be expected in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The score.
    pub value: f64,
    /// Ends of the interval, where there is one.
    pub interval: Option<[f64; 2]>,
}

/// A score, or why there is none.
pub type Outcome = Result<Estimate, String>;

impl Estimate {
    /// Returns a score with its interval.
    pub fn new(value: f64, interval: Option<[f64; 2]>) -> Self {
        Self { value, interval }
    }

    /// Returns a score without an interval.
    pub fn plain(value: f64) -> Self {
        Self { value, interval: None }
    }

    /// Returns the mean of scores with its 95 % interval by their spread: 1.96 standard errors on both sides.
    pub fn of_folds(value: f64, folds: &[f64]) -> Self {
        let n = folds.len() as f64;
        let mean = folds.iter().sum::<f64>() / n;
        let variance = folds.iter().map(|fold| (fold - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let half = 1.96 * (variance / n).sqrt();
        Self { value, interval: half.is_finite().then_some([value - half, value + half]) }
    }
}

#[cfg(test)]
mod tests {
    use super::Estimate;

    #[test]
    fn the_interval_of_folds_is_that_of_their_mean() {
        let found = Estimate::of_folds(2.0, &[1.0, 3.0]);
        assert_eq!(found.interval, Some([2.0 - 1.96, 2.0 + 1.96]), "the root of 2 over the root of 2");
        assert_eq!(Estimate::of_folds(2.0, &[2.0]).interval, None);
    }
}
