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

    /// Returns a score that is made of others, each with how fast it grows with the other, and the interval that follows from
    /// theirs as if these were independent: the root of the sum of squares, on either side.
    pub fn of_parts(value: f64, parts: &[(f64, Self)]) -> Self {
        let reach = |end: usize| {
            let square = |(slope, part): &(f64, Self)| {
                let end = if *slope < 0.0 { 1 - end } else { end };
                part.interval.map(|ends| (slope * (ends[end] - part.value)).powi(2))
            };
            parts.iter().filter_map(square).reduce(|a, b| a + b).map(f64::sqrt)
        };
        Self { value, interval: reach(0).zip(reach(1)).map(|(down, up)| [value - down, value + up]) }
    }
}

#[cfg(test)]
mod tests {
    use super::Estimate;

    #[test]
    fn intervals_of_parts_add_in_squares() {
        let part = |value: f64, ends| Estimate::new(value, ends);
        let parts =
            [(0.5, part(0.4, Some([0.2, 0.5]))), (0.5, part(0.8, Some([0.6, 0.8]))), (0.5, part(1.0, None))];
        let [low, high] = Estimate::of_parts(0.6, &parts).interval.unwrap();
        assert!((low - (0.6 - 0.02f64.sqrt())).abs() < 1e-12 && (high - 0.65).abs() < 1e-12, "{low} {high}");
        let falls = Estimate::of_parts(1.0, &[(-2.0, part(0.5, Some([0.4, 0.9])))]);
        assert!(
            (falls.interval.unwrap()[0] - 0.2).abs() < 1e-12,
            "what lowers a score does so by its upper end"
        );
        assert_eq!(Estimate::of_parts(1.0, &[(1.0, Estimate::plain(1.0))]).interval, None);
    }

    #[test]
    fn the_interval_of_folds_is_that_of_their_mean() {
        let found = Estimate::of_folds(2.0, &[1.0, 3.0]);
        assert_eq!(found.interval, Some([2.0 - 1.96, 2.0 + 1.96]), "the root of 2 over the root of 2");
        assert_eq!(Estimate::of_folds(2.0, &[2.0]).interval, None);
    }
}
