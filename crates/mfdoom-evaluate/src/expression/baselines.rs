//! Plain predictions of a modality from another, learnt from the training cells.

use mfdoom_error::Result;
use mfdoom_matrix::{KernelRidge, Matrix, Ridge, Rows, knn_regression, pca, penalties_for, subsample};
use mfdoom_metrics::{MeanGene, mean_nb_deviance};

use super::cells::SizedCounts;
use super::scale::Scale;
use super::score::{Method, constant, failed, log_of, mapped, mixed};
use crate::scores::Kind;

/// Components that ridge regression sees.
pub(super) const RIDGE_COMPONENTS: usize = 50;
/// Components that neighbours are found in.
pub(super) const KNN_COMPONENTS: usize = 30;
/// Nearest training cells that are averaged.
pub(super) const NEIGHBORS: usize = 30;
/// Weights of the mean-gene share in those of the ridge regression; the best on the training cells is taken.
const WEIGHTS: [f64; 4] = [0.01, 0.03, 0.1, 0.3];

const BASELINE: Kind = Kind::Baseline;
/// Most training cells that kernel ridge regression learns from: memory grows with their square.
const ANCHORS: usize = 3_000;
/// Penalty of kernel ridge regression.
const KERNEL_PENALTY: f64 = 3.0;

/// What is to be predicted, of the training cells.
pub(super) struct Targets<'a> {
    pub(super) counts: &'a SizedCounts,
    pub(super) scale: Scale,
    pub(super) model: &'a MeanGene,
}

/// Training cells and scored cells in the components of the training cells.
pub(super) struct Inputs {
    /// Coordinates, [training cells, components].
    training: Matrix,
    /// Coordinates, [scored cells, components].
    scored: Matrix,
}

impl Inputs {
    /// Finds the principal components of the log-normalised input of the training cells; as many as there can be, if
    /// fewer than 50.
    ///
    /// # Errors
    /// Failed: fewer than two training cells, no gene.
    pub(super) fn new<X: Rows>(training: &X, scored: &X, seed: u64) -> Result<Self> {
        let k = RIDGE_COMPONENTS.min(training.n_cols()).min(training.n_rows().saturating_sub(1));
        let found = pca(training, k, seed).map_err(failed)?;
        let scored = found.project(scored).map_err(failed)?;
        Ok(Self { training: found.scores, scored })
    }
}

/// Every cell has the mean-gene share.
pub(super) fn mean(model: &MeanGene, n: usize) -> Result<Method> {
    let shares = constant(&model.shares, n)?;
    Ok(Method { name: "mean", kind: BASELINE, values: log_of(&shares)?, shares })
}

/// Ridge regression of the log-normalised values, with the penalty that predicts a fifth of the training cells best
/// from the others.
///
/// Shares are what the values stand for, times a factor for each gene that makes their mean over the training cells the
/// true one: the mean of logarithms stands for less. How much of the mean-gene share is mixed in is that of the least
/// deviance on the training cells.
///
/// # Errors
/// Failed: numbers that do not fit each other.
pub(super) fn ridge(inputs: &Inputs, training: &Targets<'_>, seed: u64) -> Result<Method> {
    let targets = training.scale.values(training.counts)?;
    let penalties = penalties_for(&inputs.training);
    let map = Ridge::fit_best(&inputs.training, &targets, &penalties, seed).map_err(failed)?;
    drop(targets);
    tracing::debug!("ridge: penalty {}", map.penalty);
    let predict = |x: &Matrix| map.predict(x).map_err(failed);
    let fitted = predict(&inputs.training)?;
    rescaled("ridge_pca50", &fitted, predict(&inputs.scored)?, training)
}

/// Kernel ridge regression of the log-normalised values on 30 components, with a Gaussian kernel; shares as in [`ridge`].
///
/// # Errors
/// Failed: numbers that do not fit each other.
pub(super) fn kernel_ridge(inputs: &Inputs, training: &Targets<'_>, seed: u64) -> Result<Method> {
    let [scored, all] = [&inputs.scored, &inputs.training].map(|x| leading(x, KNN_COMPONENTS));
    let (scored, all) = (scored?, all?);
    let rows = subsample(all.n_rows(), ANCHORS, seed);
    let anchors = all.select_rows(&rows);
    let targets = training.scale.values(training.counts)?.select_rows(&rows);
    let gamma = KernelRidge::gamma_for(&anchors);
    let map = KernelRidge::fit(&anchors, &targets, gamma, KERNEL_PENALTY).map_err(failed)?;
    drop(targets);
    let fitted = map.predict(&all).map_err(failed)?;
    rescaled("kernel_ridge_pca30", &fitted, map.predict(&scored).map_err(failed)?, training)
}

/// Makes shares of predicted values: times a factor for each gene, with so much of the mean-gene share mixed in that
/// the training cells have the least deviance.
fn rescaled(name: &'static str, fitted: &Matrix, values: Matrix, training: &Targets<'_>) -> Result<Method> {
    let Targets { counts, scale, model } = training;
    let fitted = scale.shares(fitted)?;
    let factors = factors(&counts.shares()?, &fitted);
    let scaled = |shares: &Matrix| mapped(shares, |share, gene| f64::from(share) * factors[gene]);
    let fitted = scaled(&fitted)?;
    let mut best = (f64::INFINITY, WEIGHTS[0]);
    for weight in WEIGHTS {
        let shares = mixed(&fitted, &model.shares, weight)?;
        let deviance = mean_nb_deviance(&counts.counts, &counts.sizes, &shares, &model.dispersion);
        let deviance = deviance.map_err(failed)?;
        if deviance < best.0 {
            best = (deviance, weight);
        }
    }
    let shares = mixed(&scaled(&scale.shares(&values)?)?, &model.shares, best.1)?;
    tracing::debug!("{name}: weight of the mean share {}", best.1);
    Ok(Method { name, kind: BASELINE, values, shares })
}

/// Returns for each gene the sum of the true shares over that of the fitted, 1 where nothing was fitted.
fn factors(wanted: &Matrix, fitted: &Matrix) -> Vec<f64> {
    let sums = |matrix: &Matrix| {
        let mut sums = vec![0.0; matrix.n_cols()];
        for row in 0..matrix.n_rows() {
            sums.iter_mut().zip(matrix.row(row)).for_each(|(sum, &share)| *sum += f64::from(share));
        }
        sums
    };
    let ratio = |(wanted, fitted): (f64, f64)| if fitted > 0.0 { wanted / fitted } else { 1.0 };
    sums(wanted).into_iter().zip(sums(fitted)).map(ratio).collect()
}

/// The mean share of the nearest training cells, and of the mean cell as one more.
///
/// # Errors
/// Failed: numbers that do not fit each other.
pub(super) fn knn(inputs: &Inputs, training: &Targets<'_>, _: u64) -> Result<Method> {
    let k = NEIGHBORS.min(inputs.training.n_rows());
    let [queries, references] = [&inputs.scored, &inputs.training].map(|x| leading(x, KNN_COMPONENTS));
    let (queries, references) = (queries?, references?);
    let mean = |of: &Matrix| knn_regression(&queries, &references, of, k).map_err(failed);
    let shares = mixed(&mean(&training.counts.shares()?)?, &training.model.shares, 1.0 / (k + 1) as f64)?;
    let values = match training.scale {
        Scale::LogShare => log_of(&shares)?,
        Scale::LogRatio => mean(&training.scale.values(training.counts)?)?,
    };
    Ok(Method { name: "knn30_pca30", kind: BASELINE, values, shares })
}

/// Returns the first columns.
fn leading(x: &Matrix, k: usize) -> Result<Matrix> {
    let k = k.min(x.n_cols());
    let data = (0..x.n_rows()).flat_map(|row| x.row(row)[..k].to_vec()).collect();
    Matrix::new(data, x.n_rows(), k).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfdoom_matrix::Csr;

    #[test]
    fn factors_bring_the_means_together() {
        let of = |values: &[f32]| Matrix::new(values.to_vec(), 2, 2).unwrap();
        assert_eq!(factors(&of(&[1.0, 1.0, 3.0, 0.0]), &of(&[1.0, 0.0, 1.0, 0.0])), [2.0, 1.0]);
    }

    #[test]
    fn neighbours_and_the_mean_cell_have_the_same_weight() {
        let training = Matrix::new(vec![0.0, 9.0], 2, 1).unwrap();
        let inputs = Inputs { training, scored: Matrix::new(vec![1.0], 1, 1).unwrap() };
        let counts = Csr::new(1, vec![0, 1, 1], vec![0], vec![5.0]).unwrap();
        let counts = SizedCounts { counts, sizes: vec![10.0, 10.0] };
        let model = MeanGene { shares: vec![0.4], dispersion: vec![1.0] };
        let targets = Targets { counts: &counts, scale: Scale::LogShare, model: &model };
        let found = knn(&inputs, &targets, 0).unwrap();
        assert!((found.shares.data()[0] - (0.5 + 0.0 + 0.4) / 3.0).abs() < 1e-6, "{:?}", found.shares);
        assert!((f64::from(found.values.data()[0]) - 3001f64.ln()).abs() < 1e-5);
    }
}
