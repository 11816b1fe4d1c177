//! Whether the uncertainty of a predicted cell tells its error.

use mfdoom_artifact::velocity::UNCERTAINTY;
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::graph::spearman;
use mfdoom_matrix::Matrix;
use mfdoom_plot::{CalibrationBin, calibration_bins};
use serde::Serialize;

use super::matching::Matched;
use super::names::{SCALE, SPEARMAN};
use super::source::VelocityInput;
use crate::scores::{Estimate, Place, Scores};

/// Bins of equal numbers of cells.
const BINS: usize = 10;

/// Uncertainty of the predicted cells next to their error against others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct CalibrationScores {
    /// `fitted` or `truth`.
    pub(super) against: &'static str,
    /// Cells with an uncertainty and an error.
    pub(super) cells: usize,
    /// Spearman's correlation of uncertainty and error; null where either is constant.
    pub(super) spearman: Option<f64>,
    /// Root mean square error over that of the uncertainties: 1 of a standard deviation; null where all are 0.
    pub(super) scale: Option<f64>,
    /// Cells by uncertainty, in bins of equal numbers.
    pub(super) bins: Vec<Bin>,
}

/// Cells of like uncertainty.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Bin {
    /// Cells.
    pub(super) n: usize,
    /// Mean uncertainty.
    pub(super) uncertainty: f64,
    /// Root mean square of the errors.
    pub(super) error: f64,
    /// First quartile of the errors.
    pub(super) q25: f64,
    /// Third quartile of the errors.
    pub(super) q75: f64,
}

impl CalibrationScores {
    /// Adds the scores to the rows.
    pub(super) fn add(&self, scores: &mut Scores) {
        let place = Place::new("all", "predicted", self.cells).against(self.against);
        let of = |value: Option<f64>, why: &str| value.map(Estimate::plain).ok_or_else(|| why.to_owned());
        scores.push(&place, SPEARMAN, of(self.spearman, "uncertainty or error is constant"));
        scores.push(&place, SCALE, of(self.scale, "no uncertainty above 0"));
    }
}

/// Checks that there is an uncertainty to draw.
///
/// # Errors
/// Contract: no such column, or no scored cell has one.
pub(super) fn need_uncertainty(matched: &Matched, predicted: &VelocityInput) -> Result<()> {
    if matched.uncertainty.is_some() {
        return Ok(());
    }
    let found = match &predicted.uncertainty {
        Some(_) => "none of any scored cell".to_owned(),
        None if predicted.columns.is_empty() => "no such column".to_owned(),
        None => predicted.columns.join(", "),
    };
    Err(Error::contract(format!("{}: no uncertainty to compare errors with", predicted.name))
        .found(found)
        .wanted(format!("a column {UNCERTAINTY:?} of real numbers"))
        .help("mfdoom-velocity predict writes it, with a decoder that mfdoom-finetune-decoder trained for velocities"))
}

/// Scores the uncertainty of the predicted cells against every other input; nothing without one.
///
/// # Errors
/// Failed: numbers that do not fit each other.
pub(super) fn score(matched: &Matched) -> Result<Vec<CalibrationScores>> {
    let Some(uncertainty) = &matched.uncertainty else { return Ok(Vec::new()) };
    let predicted = &matched.fields[0].1;
    let one = |(role, truth): &(super::Role, Matrix)| {
        against(role.name(), uncertainty, &cell_errors(predicted, truth))
    };
    matched.fields[1..].iter().map(one).collect()
}

/// Returns for each cell the root mean square over genes of predicted minus true [n, G]; NaN without a gene that both
/// have.
fn cell_errors(predicted: &Matrix, truth: &Matrix) -> Vec<f64> {
    let error = |cell: usize| {
        let pairs = predicted.row(cell).iter().zip(truth.row(cell));
        let differences = pairs.map(|(&a, &b)| f64::from(a) - f64::from(b)).filter(|error| error.is_finite());
        root_mean_square(differences)
    };
    (0..predicted.n_rows()).map(error).collect()
}

fn root_mean_square(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value * value, n + 1.0));
    (sum / n).sqrt()
}

fn against(against: &'static str, uncertainty: &[f64], errors: &[f64]) -> Result<CalibrationScores> {
    let both = uncertainty.iter().zip(errors).filter(|(a, b)| a.is_finite() && b.is_finite());
    let (uncertainty, errors): (Vec<f64>, Vec<f64>) = both.unzip();
    let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<_>>();
    let bins = if errors.is_empty() { Vec::new() } else { calibration_bins(&uncertainty, &errors, BINS)? };
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    Ok(CalibrationScores {
        against,
        cells: errors.len(),
        spearman: finite(spearman(&narrow(&uncertainty), &narrow(&errors))),
        scale: finite(root_mean_square(errors.into_iter()) / root_mean_square(uncertainty.into_iter())),
        bins: bins.iter().map(Bin::of).collect(),
    })
}

impl Bin {
    fn of(bin: &CalibrationBin) -> Self {
        let [q25, q75] = bin.quartiles;
        Self { n: bin.n, uncertainty: bin.predicted, error: bin.observed, q25, q75 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_cell_is_over_the_genes_that_both_have() {
        let of = |values: &[f32]| Matrix::new(values.to_vec(), 2, 3).unwrap();
        let predicted = of(&[1.0, 2.0, f32::NAN, f32::NAN, 0.0, 0.0]);
        let truth = of(&[4.0, 6.0, 9.0, 1.0, f32::NAN, f32::NAN]);
        let errors = cell_errors(&predicted, &truth);
        assert_eq!(errors[0], 12.5f64.sqrt(), "by hand: the root of (9 + 16) / 2");
        assert!(errors[1].is_nan());
    }

    #[test]
    fn ranks_scale_and_bins_are_those_by_hand() {
        let uncertainty = [1.0, 2.0, 3.0, f64::NAN, 4.0];
        let score = against("truth", &uncertainty, &[2.0, 4.0, 6.0, 1.0, 8.0]).unwrap();
        assert_eq!((score.cells, score.spearman, score.scale), (4, Some(1.0), Some(2.0)));
        assert_eq!(score.bins.len(), 4, "no more bins than cells");
        assert_eq!((score.bins[3].n, score.bins[3].uncertainty, score.bins[3].error), (1, 4.0, 8.0));
        let turned = against("truth", &uncertainty, &[8.0, 4.0, 6.0, 1.0, 2.0]).unwrap();
        assert!((turned.spearman.unwrap() + 0.8).abs() < 1e-12, "1 - 6 (9 + 0 + 0 + 9) / (4 (16 - 1))");
        let constant = against("truth", &[0.0; 3], &[1.0, 2.0, 3.0]).unwrap();
        assert_eq!((constant.spearman, constant.scale), (None, None));
        let nothing = against("truth", &[f64::NAN], &[1.0]).unwrap();
        assert_eq!((nothing.cells, nothing.bins.len()), (0, 0));
    }
}
