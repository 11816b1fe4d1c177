//! What is known of cells to learn from: their classes, or numbers in place of them, of obs columns or of longer vectors.

use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, pca};
use mfdoom_model::Labels;

use crate::data::TrainingCells;

/// What is known of all cells; of a run that learns from neither, nothing.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// The class of each cell, where it is known.
    pub classes: Vec<Option<u32>>,
    /// The numbers of each cell, where they are known.
    pub numbers: Vec<Option<Vec<f32>>>,
}

impl Answers {
    /// Returns what is known of the cells of a batch.
    pub(crate) fn of(&self, batch: &[usize]) -> Labels {
        let class = |cell: &usize| self.classes.get(*cell).copied().flatten();
        let numbers = |cell: &usize| self.numbers.get(*cell).cloned().flatten();
        Labels {
            classes: batch.iter().map(class).collect(),
            numbers: batch.iter().map(numbers).collect(),
            said: Vec::new(),
        }
    }
}

/// Returns the numbers of each cell that has all of some obs columns, each column with mean 0 and variance 1 over the
/// training cells that have it, so that columns of any unit count alike.
///
/// # Errors
/// Contract: a value is no number, or the training cells have fewer than two values.
pub fn numbers_of(
    cells: &TrainingCells,
    training: &[usize],
    columns: &[String],
) -> Result<Vec<Option<Vec<f32>>>> {
    let scaled = columns.iter().map(|column| scaled(cells, training, column));
    let scaled = scaled.collect::<Result<Vec<_>>>()?;
    Ok((0..cells.len()).map(|cell| scaled.iter().map(|of| of[cell].map(|x| x as f32)).collect()).collect())
}

/// Returns at most `most` principal components of the vectors that some cells have, fitted to the training cells among them
/// and scaled together to a mean square of 1 there: noisy components stay small.
///
/// # Errors
/// Contract: fewer than three training cells have a vector, or all of them the same.
pub fn components_of(
    vectors: &[Option<Vec<f32>>],
    training: &[usize],
    most: usize,
    seed: u64,
) -> Result<Vec<Option<Vec<f32>>>> {
    let failed = |e: mfdoom_matrix::Error| Error::failed("components of what is to be predicted").source(e);
    let matrix = |of: &[&Vec<f32>]| {
        let width = of.first().map_or(0, |x| x.len());
        Matrix::new(of.iter().flat_map(|x| x.iter().copied()).collect(), of.len(), width).map_err(failed)
    };
    let fitted: Vec<&Vec<f32>> = training.iter().filter_map(|cell| vectors[*cell].as_ref()).collect();
    let k = most.min(fitted.len().saturating_sub(1)).min(fitted.first().map_or(0, |x| x.len()));
    if fitted.len() < 3 || k == 0 {
        return Err(Error::contract("too few training cells have something to predict")
            .found(format!("{} cells with {} values", fitted.len(), fitted.first().map_or(0, |x| x.len())))
            .wanted("three cells or more"));
    }
    let found = pca(&matrix(&fitted)?, k, seed).map_err(failed)?;
    let size = (found.explained_variance.iter().sum::<f64>() / k as f64).sqrt();
    if !(size > 0.0 && size.is_finite()) {
        return Err(
            Error::contract("all training cells have the same to predict").wanted("values that differ")
        );
    }
    let known: Vec<&Vec<f32>> = vectors.iter().flatten().collect();
    let scores = found.project(&matrix(&known)?).map_err(failed)?;
    let mut rows = (0..known.len()).map(|row| scores.row(row).iter().map(|x| x / size as f32).collect());
    Ok(vectors.iter().map(|vector| vector.as_ref().and_then(|_| rows.next())).collect())
}

fn scaled(cells: &TrainingCells, training: &[usize], column: &str) -> Result<Vec<Option<f64>>> {
    let values = (0..cells.len()).map(|cell| number(column, cells.obs(column, cell)));
    let mut values = values.collect::<Result<Vec<_>>>()?;
    let known: Vec<f64> = training.iter().filter_map(|cell| values[*cell]).collect();
    let n = known.len().max(1) as f64;
    let mean = known.iter().sum::<f64>() / n;
    let deviation = (known.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    if !(deviation > 0.0 && deviation.is_finite()) {
        return Err(Error::contract(format!("--target {column}: the training cells have one value or none"))
            .wanted("numbers that differ")
            .help("another column, or --label COLUMN to learn from classes"));
    }
    values.iter_mut().flatten().for_each(|x| *x = (*x - mean) / deviation);
    Ok(values)
}

/// Returns the number that a value stands for; none where it is missing.
fn number(column: &str, text: Option<&str>) -> Result<Option<f64>> {
    let Some(text) = text else { return Ok(None) };
    match text.parse::<f64>() {
        Ok(x) if x.is_nan() => Ok(None),
        Ok(x) if x.is_finite() => Ok(Some(x)),
        _ => Err(Error::contract(format!("--target {column}: a value is no number"))
            .found(format!("{text:?}"))
            .wanted("finite numbers, or none where nothing is known")
            .help(format!("--label {column} to learn from its values as classes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_number_or_missing_or_refused() {
        assert_eq!(number("t", Some("-2.5e-1")).unwrap(), Some(-0.25));
        assert_eq!(number("t", Some("nan")).unwrap(), None);
        assert_eq!(number("t", None).unwrap(), None);
        for wrong in ["inf", "early", ""] {
            let refused = number("t", Some(wrong)).unwrap_err();
            assert_eq!(refused.exit_code(), 3);
            assert!(refused.to_string().contains("--target t"), "{refused}");
        }
    }

    #[test]
    fn components_have_the_mean_square_one_over_training_cells() {
        let vector = |i: usize| Some(vec![i as f32, 2.0 * i as f32, (i % 2) as f32]);
        let mut vectors: Vec<_> = (0..9).map(vector).collect();
        vectors[4] = None;
        let found = components_of(&vectors, &[0, 1, 2, 3, 5, 6], 2, 0).unwrap();
        assert!(found[4].is_none() && found.iter().flatten().all(|x| x.len() == 2));
        let of = [0, 1, 2, 3, 5, 6].map(|cell: usize| found[cell].clone().unwrap());
        let square = of.iter().flatten().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        // variances of the components are over n - 1 cells
        assert!((square / (2.0 * 5.0) - 1.0).abs() < 1e-5, "{square}");
        let of_component = |k: usize| of.iter().map(|x| x[k].powi(2)).sum::<f32>();
        assert!(of_component(0) > of_component(1));
        assert!(components_of(&vectors, &[0, 1], 2, 0).is_err());
        assert!(components_of(&vec![Some(vec![1.0]); 9], &[0, 1, 2, 3], 2, 0).is_err());
    }

    #[test]
    fn cells_of_a_batch_have_what_is_known_of_them() {
        let answers = Answers { classes: Vec::new(), numbers: vec![None, Some(vec![1.0, -1.0])] };
        let of = answers.of(&[1, 0, 1]);
        assert_eq!(of.numbers, [Some(vec![1.0, -1.0]), None, Some(vec![1.0, -1.0])]);
        assert_eq!(of.classes, [None; 3]);
    }
}
