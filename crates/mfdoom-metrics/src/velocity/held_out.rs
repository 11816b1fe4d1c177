//! Predictions of held-out cells over several folds.

use mfdoom_matrix::Matrix;
use mfdoom_matrix::error::{Result, at_least, same};

use super::Pairs;
use super::accuracy::{gene_correlations, quartiles};

/// Predictions of the cells that one fold holds out.
pub struct FoldPrediction<'a> {
    /// Predicted velocities [n_cells, n_genes].
    pub predicted: &'a Matrix,
    /// True velocities, of the same shape.
    pub target: &'a Matrix,
    /// Mean velocity of the training cells [n_genes].
    pub training_mean: &'a [f32],
}

/// Scores over all folds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeldOutScores {
    /// Pearson's correlation per gene within a fold, mean over folds, median over genes.
    pub pearson_median: f64,
    /// The same, first quartile over genes.
    pub pearson_q25: f64,
    /// Cosine per cell over genes, mean over the cells of all folds; a velocity of zero counts as 0.
    pub cosine: f64,
    /// The same of velocities less the training mean.
    pub cosine_centred: f64,
}

/// Scores predictions of held-out cells.
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape): predictions, targets and means differ in shape;
/// [`Error::NotFinite`](crate::Error::NotFinite); [`Error::TooFew`](crate::Error::TooFew): no cells or no genes.
pub fn held_out_scores(folds: &[FoldPrediction<'_>]) -> Result<HeldOutScores> {
    let genes = folds.first().map_or(0, |fold| fold.training_mean.len());
    let mut correlations = vec![0.0; genes];
    let mut cosines = [Vec::new(), Vec::new()];
    for fold in folds {
        same("genes of the training mean", fold.training_mean.len(), genes)?;
        same("genes of the predictions", fold.predicted.n_cols(), genes)?;
        fold.predicted.check_finite()?;
        fold.target.check_finite()?;
        for (sum, found) in correlations.iter_mut().zip(gene_correlations(fold.predicted, fold.target)?) {
            *sum += found.unwrap_or(0.0) / folds.len() as f64;
        }
        for cell in 0..fold.predicted.n_rows() {
            let pairs =
                || fold.predicted.row(cell).iter().copied().zip(fold.target.row(cell).iter().copied());
            let centred = pairs().zip(fold.training_mean).map(|((p, t), mean)| (p - mean, t - mean));
            cosines[0].push(Pairs::of(pairs()).cosine().unwrap_or(0.0));
            cosines[1].push(Pairs::of(centred).cosine().unwrap_or(0.0));
        }
    }
    let none = crate::Error::TooFew { what: "genes", found: 0, wanted: 1 };
    let pearson = quartiles(correlations).ok_or(none)?;
    at_least("cells", cosines[0].len(), 1)?;
    let [cosine, cosine_centred] = cosines.map(|values| values.iter().sum::<f64>() / values.len() as f64);
    Ok(HeldOutScores { pearson_median: pearson.median, pearson_q25: pearson.q25, cosine, cosine_centred })
}
