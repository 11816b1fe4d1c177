//! The pancreas counts (3,696 cells, 1,126 genes after a filter) by the same steps as scikit-learn.

use mfdoom_matrix::{Csr, Pca, SizeTarget, log_normalise, pca};
use mfdoom_metrics::Folds;
use mfdoom_testing::Npz;

use crate::{close, transfer};

/// Variances along PCA(50, svd_solver="full") of the counts, log-normalised to 1e4.
#[rustfmt::skip]
const VARIANCES: [f64; 50] = [167.240546, 66.483342, 21.927414, 16.447888, 11.448613, 9.273693, 7.747609, 5.546695, 4.795745, 4.395521, 4.211555, 4.005824, 3.596775, 3.422386, 3.317335, 2.999290, 2.938349, 2.772426, 2.647304, 2.482351, 2.358577, 2.349233, 2.338684, 2.260305, 2.205749, 2.182106, 2.131647, 2.111982, 2.089390, 2.084379, 2.065409, 2.056676, 2.038282, 2.027578, 2.025309, 2.011876, 2.008585, 1.999626, 1.983942, 1.971143, 1.956429, 1.952088, 1.946715, 1.938818, 1.931664, 1.923721, 1.916226, 1.912623, 1.908837, 1.895469];
/// Scores of cells 0, 1848 and 3695.
#[rustfmt::skip]
const SCORES: [(usize, [f64; 50]); 3] = [
    (0, [-12.585310, 0.190183, -5.947290, 0.443658, -1.614790, -0.114549, -1.409495, -0.307661, -2.417343, -1.088816, -1.492742, -3.405900, 0.773033, -0.192389, -3.031505, 2.547026, 0.886542, -0.974520, 0.643476, 1.532685, 0.458832, -0.986409, -0.154927, 1.138727, 2.183111, -0.865246, -1.615378, 0.466749, -1.842339, 1.125268, -0.076500, 1.091656, 1.094569, 0.195529, 0.500703, -1.802384, 1.872625, -2.861578, 0.756501, 1.831231, 2.006802, -2.130206, 1.405895, 3.875711, 1.797406, -0.218310, 0.810803, -0.876682, -1.001220, -0.525421]),
    (1848, [-7.926054, 10.145950, -6.328833, 4.047670, -0.612658, -1.409580, -1.971941, -3.751340, -0.090292, 0.342490, 0.765280, 3.343340, 1.323433, -2.159163, -1.328453, 2.616306, -2.198269, -0.556460, -1.767210, -0.428394, 1.152414, 2.034379, 1.367046, -0.426314, -1.816703, 1.382038, -1.355053, -0.894071, 3.049134, 0.613130, 1.129269, 0.664420, 1.813612, 1.759869, -0.484944, -1.261162, 0.752740, -0.307957, -4.787307, 0.626637, -1.634896, -0.336582, -2.531287, -1.302263, 1.489580, -0.759372, -0.997841, -2.456647, -0.353488, 0.807239]),
    (3695, [-13.339039, -3.058974, -1.445311, -4.421432, 6.756957, 5.593231, 8.528616, -2.313873, -2.033957, 2.591938, 1.429908, 1.882760, 0.152870, -1.301796, -2.144451, -1.696546, -1.179466, 2.174208, -0.582652, -1.390629, 0.103342, 4.349709, 0.425074, 0.345680, 0.529818, -1.047689, 0.297273, -2.606247, -1.205315, -0.850247, 0.266536, 0.287932, 0.130806, -0.203827, -0.374066, -0.931022, 0.335147, -1.426004, 1.778876, 1.913761, 0.922445, -0.169542, -1.422838, 0.174086, -1.293516, -1.379411, -1.027523, -1.004289, -1.190457, -0.610371]),
];

fn counts(npz: &Npz, modality: &str) -> Csr {
    let part = |name| format!("{modality}_{name}");
    let indptr = npz.u32(&part("indptr")).into_iter().map(|at| at as usize).collect();
    Csr::new(1126, indptr, npz.u32(&part("indices")), npz.f32(&part("data"))).unwrap()
}

fn components() -> Option<Pca> {
    let npz = Npz::shared("reference/velocity/P_counts.npz")?;
    let mut counts = counts(&npz, "spliced");
    log_normalise(&mut counts, None, SizeTarget::Total(1e4)).unwrap();
    Some(pca(&counts, 50, 0).unwrap())
}

/// The last components lie less than one per cent apart: the hard part of any iteration.
#[test]
fn sparse_components_are_those_of_an_exact_decomposition() {
    let Some(found) = components() else { return };
    for (variance, wanted) in found.explained_variance.iter().zip(VARIANCES) {
        close(*variance, wanted, 1e-6 * wanted);
    }
    close(found.total_variance, 1158.482582, 1e-3);
    for (cell, wanted) in SCORES {
        for (score, wanted) in found.scores.row(cell).iter().zip(wanted) {
            close(f64::from(*score), wanted, 1e-3);
        }
    }
}

#[test]
fn labels_transfer_as_by_scikit_learn_on_the_same_folds() {
    let Some(found) = components() else { return };
    let (Some(base), Some(split)) =
        (Npz::shared("reference/velocity/P_base.npz"), Npz::shared("reference/velocity/P_kfold5.npz"))
    else {
        return;
    };
    let mut fold_of = vec![usize::MAX; 3696];
    for fold in 0..5 {
        split.u32(&format!("strat_test{fold}")).into_iter().for_each(|row| fold_of[row as usize] = fold);
    }
    let folds = Folds::new(fold_of, 5).unwrap();
    let score = transfer(&found.scores, &base.codes("labels"), &folds, 15).unwrap();
    // scikit-learn gives ties of votes to the first label, we to the nearer one.
    close(score.accuracy, 0.907738, 2e-3);
    close(score.balanced_accuracy, 0.869471, 4e-3);
}
