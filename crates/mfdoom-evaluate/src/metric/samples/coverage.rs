//! Precision and recall: are generated cells where real ones are, and the other way round?

use mfdoom_matrix::Matrix;
use mfdoom_metrics::{bootstrap_mean, covered};

use super::super::Metric;
use super::{Samples, TOGETHER};
use crate::scores::{Estimate, Name, Outcome, Place, Scores};

/// Nearest other cell that a ball reaches to.
const NEAREST: usize = 5;

const NAMES: &[Name] =
    &[Name::high("precision", TOGETHER, "kNN precision"), Name::high("recall", TOGETHER, "kNN recall")];

/// Share of generated cells within the balls of the real ones, and of real cells within those of the generated.
pub(super) struct Coverage;

impl Metric<Samples> for Coverage {
    fn names(&self) -> &'static [Name] {
        NAMES
    }

    fn score(&self, view: &Samples, _: &Place, _: &Scores) -> Vec<Outcome> {
        let share = |points: &Matrix, support: &Matrix| {
            let found = covered(points, support, NEAREST).map_err(|error| error.to_string())?;
            let cells: Vec<f64> = found.into_iter().map(|within| f64::from(u8::from(within))).collect();
            let mean = cells.iter().sum::<f64>() / cells.len() as f64;
            Ok(Estimate::new(mean, bootstrap_mean(&cells, view.seed)))
        };
        vec![share(&view.generated, &view.real), share(&view.real, &view.generated)]
    }
}
