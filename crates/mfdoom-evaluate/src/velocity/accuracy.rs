//! Predicted velocities against fitted and true ones.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Matrix;
use mfdoom_metrics::velocity::{cell_cosines, constant_field, gene_correlations, quartiles};
use mfdoom_metrics::{bootstrap_mean, bootstrap_median};

use super::matching::Matched;
use super::names::{COMPARED, COSINE, GENES, PEARSON};
use crate::scores::{Estimate, Kind, Outcome, Place, Scores};

/// Scores the predicted field, and the mean velocity of each other, against every other.
///
/// # Errors
/// Contract: no gene that both have for three cells.
pub(super) fn score(matched: &Matched, seed: u64, scores: &mut Scores) -> Result<()> {
    let predicted = &matched.fields[0].1;
    for (role, truth) in &matched.fields[1..] {
        one(predicted, truth, role.name(), seed, scores)?;
    }
    Ok(())
}

fn one(predicted: &Matrix, truth: &Matrix, against: &str, seed: u64, scores: &mut Scores) -> Result<()> {
    let failed = |error| Error::failed(format!("accuracy against {against}")).source(error);
    let genes: Vec<f64> =
        gene_correlations(predicted, truth).map_err(failed)?.into_iter().flatten().collect();
    let cosines = |field: &Matrix| -> Result<Vec<f64>> {
        Ok(cell_cosines(field, truth).map_err(failed)?.into_iter().flatten().collect())
    };
    let cells = cosines(predicted)?;
    let compared =
        predicted.data().iter().zip(truth.data()).filter(|(a, b)| a.is_finite() && b.is_finite()).count();
    let Some(pearson) = quartiles(genes.iter().copied()) else {
        return Err(Error::contract(format!("predicted and {against} velocities cannot be compared"))
            .found(format!("{compared} numbers that both have"))
            .wanted("a gene with a velocity in both for three cells"));
    };
    let place = Place::new("all", "predicted", cells.len()).against(against);
    scores.push(&place, PEARSON[0], Ok(Estimate::new(pearson.median, bootstrap_median(&genes, seed))));
    scores.push(&place, PEARSON[1], Ok(Estimate::plain(pearson.q25)));
    scores.push(&place, PEARSON[2], Ok(Estimate::plain(pearson.q75)));
    scores.push(&place, GENES, Ok(Estimate::plain(genes.len() as f64)));
    scores.push(&place, COMPARED, Ok(Estimate::plain(compared as f64 / predicted.data().len() as f64)));
    scores.push(&place, COSINE[0], mean(&cells, seed));
    let median = quartiles(cells.iter().copied()).map(|cosine| cosine.median);
    let median = median.map(|value| Estimate::new(value, bootstrap_median(&cells, seed)));
    scores.push(&place, COSINE[1], median.ok_or_else(none));
    // Nothing is learnt by predicting the mean velocity of the truth for every cell.
    let constant = cosines(&constant_field(truth))?;
    let place = Place::new("all", "constant field", constant.len()).kind(Kind::Control).against(against);
    scores.push(&place, COSINE[0], mean(&constant, seed));
    Ok(())
}

fn none() -> String {
    "no cell has a velocity in both".to_owned()
}

fn mean(values: &[f64], seed: u64) -> Outcome {
    match values.len() {
        0 => Err(none()),
        n => Ok(Estimate::new(values.iter().sum::<f64>() / n as f64, bootstrap_mean(values, seed))),
    }
}
