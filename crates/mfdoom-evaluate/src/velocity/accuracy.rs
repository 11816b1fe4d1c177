//! Predicted velocities against fitted and true ones.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::Matrix;
use mfdoom_metrics::velocity::{cell_cosines, constant_field, gene_correlations, quartiles};

use super::matching::Matched;
use super::result::{Accuracy, Cosine, Pearson};

/// Scores the predicted field against every other.
pub(super) fn score(matched: &Matched) -> Result<Vec<Accuracy>> {
    let predicted = &matched.fields[0].1;
    let against = |(role, truth): &(super::Role, Matrix)| one(predicted, truth, role.name());
    matched.fields[1..].iter().map(against).collect()
}

fn one(predicted: &Matrix, truth: &Matrix, against: &'static str) -> Result<Accuracy> {
    let failed = |error| Error::failed(format!("accuracy against {against}")).source(error);
    let genes = gene_correlations(predicted, truth).map_err(failed)?;
    let cells = cell_cosines(predicted, truth).map_err(failed)?;
    // Nothing is learnt by predicting the mean velocity of the truth for every cell.
    let constant = cell_cosines(&constant_field(truth), truth).map_err(failed)?;
    let mean = |values: &[Option<f64>]| {
        let there: Vec<f64> = values.iter().flatten().copied().collect();
        (!there.is_empty()).then(|| there.iter().sum::<f64>() / there.len() as f64)
    };
    let compared =
        predicted.data().iter().zip(truth.data()).filter(|(a, b)| a.is_finite() && b.is_finite()).count();
    let Some(pearson) = quartiles(genes.iter().flatten().copied()) else {
        return Err(Error::contract(format!("predicted and {against} velocities cannot be compared"))
            .found(format!("{compared} numbers that both have"))
            .wanted("a gene with a velocity in both for three cells"));
    };
    Ok(Accuracy {
        against,
        cells: cells.iter().flatten().count(),
        genes: genes.iter().flatten().count(),
        values: compared as f64 / predicted.data().len() as f64,
        pearson: Pearson { median: pearson.median, q25: pearson.q25, q75: pearson.q75 },
        cosine: Cosine {
            mean: mean(&cells),
            median: quartiles(cells.iter().flatten().copied()).map(|cosine| cosine.median),
        },
        cosine_of_constant: mean(&constant),
    })
}
