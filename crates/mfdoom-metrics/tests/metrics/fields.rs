//! Velocity scores against numbers by hand, by the benchmark's script and on the pancreas cells.

use mfdoom_matrix::{Error, Matrix, Neighbors};
use mfdoom_metrics::velocity::{
    FoldPrediction, cell_cosines, constant_field, cross_boundary, gene_correlations, held_out_scores,
    in_cluster_coherence, mean_direction, quartiles, shuffled_field,
};
use mfdoom_testing::Npz;

use crate::close;
use crate::toy::{matrix, uniform};

const NAN: f32 = f32::NAN;

fn of(rows: &[&[f32]]) -> Matrix {
    Matrix::new(rows.concat(), rows.len(), rows[0].len()).unwrap()
}

#[test]
fn what_is_missing_is_left_out_and_never_zero() {
    let found = of(&[&[1.0, NAN, 5.0], &[2.0, 1.0, 5.0], &[3.0, 2.0, 5.0], &[9.0, 3.0, 5.0]]);
    let truth = of(&[&[2.0, 7.0, 1.0], &[4.0, 6.0, 2.0], &[6.0, 5.0, 3.0], &[NAN, 4.0, 4.0]]);
    let genes = gene_correlations(&found, &truth).unwrap();
    assert_eq!(genes, [Some(1.0), Some(-1.0), Some(0.0)], "by hand; the last is constant");
    let cells = cell_cosines(&found, &truth).unwrap();
    let first = (1.0 * 2.0 + 5.0 * 1.0) / ((26.0f64).sqrt() * (5.0f64).sqrt());
    close(cells[0].unwrap(), first, 1e-12);
    assert_eq!(
        gene_correlations(&truth, &found).unwrap()[2],
        None,
        "of a constant truth nothing can be said"
    );
    let few = of(&[&[1.0], &[NAN], &[2.0]]);
    assert_eq!(gene_correlations(&few, &few).unwrap(), [None]);
    assert_eq!(cell_cosines(&of(&[&[0.0]]), &of(&[&[1.0]])).unwrap(), [None]);
    assert!(matches!(cell_cosines(&few, &found), Err(Error::Shape { .. })));
}

#[test]
fn quartiles_are_those_of_numpy() {
    let found = quartiles([4.0, 1.0, 3.0, 2.0]).unwrap();
    assert_eq!([found.q25, found.median, found.q75], [1.75, 2.5, 3.25]);
    assert!(quartiles([]).is_none());
}

#[test]
fn a_border_is_scored_on_the_cells_that_see_it() {
    // Four cells in a row; the third has no velocity, the fourth sees its own cluster only.
    let at = of(&[&[0.0, 0.0], &[1.0, 0.0], &[2.0, 0.0], &[3.0, 0.0]]);
    let moves = of(&[&[0.0, 1.0], &[1.0, 1.0], &[NAN, 0.0], &[1.0, 0.0]]);
    let near = Neighbors::new(1, vec![1, 2, 1, 2], vec![0.0; 4]).unwrap();
    let edges = cross_boundary(&at, &moves, &[0, 0, 1, 1], &near, &[(0, 1), (1, 0), (0, 2)]).unwrap();
    assert_eq!(edges.iter().map(|edge| edge.n).collect::<Vec<_>>(), [1, 0, 0]);
    close(edges[0].direction.unwrap(), 0.5f64.sqrt(), 1e-7);
    assert_eq!(mean_direction(&edges), edges[0].direction);
    assert_eq!(mean_direction(&edges[1..]), None);
}

#[test]
fn a_constant_field_is_coherent_and_a_shuffled_one_keeps_its_velocities() {
    let velocity = Matrix::new(matrix(200, 5, 1).data().iter().map(|x| x - 0.5).collect(), 200, 5).unwrap();
    let labels: Vec<u32> = (0..200).map(|cell| cell / 100).collect();
    let others = (0..600).map(|at| (at * 7 % 200) as u32).collect();
    let near = Neighbors::between(200, 3, others, vec![0.0; 600]).unwrap();
    let coherence = |field: &Matrix| in_cluster_coherence(field, &labels, &near).unwrap();
    close(coherence(&constant_field(&velocity)).mean.unwrap(), 1.0, 1e-9);
    let found = coherence(&velocity);
    assert!(found.mean.unwrap() < 0.7 && found.clusters.len() == 2);
    let shuffled = shuffled_field(&velocity, 3);
    let sorted = |field: &Matrix| {
        let mut rows: Vec<Vec<u32>> =
            (0..200).map(|row| field.row(row).iter().map(|x| x.to_bits()).collect()).collect();
        rows.sort();
        rows
    };
    assert_eq!(sorted(&shuffled), sorted(&velocity));
    assert_eq!(shuffled, shuffled_field(&velocity, 3));
    assert_ne!(shuffled, shuffled_field(&velocity, 4));
    let sparse = of(&[&[1.0, NAN], &[3.0, NAN]]);
    let constant = constant_field(&sparse);
    assert!(constant.row(1)[0] == 2.0 && constant.row(0)[1].is_nan());
}

#[test]
fn held_out_cells_are_scored_as_by_the_benchmark() {
    let fold = |a: u32, b: u32, mean: u32| {
        let (mut p, t) = (matrix(40, 6, a).data().to_vec(), matrix(40, 6, b));
        let t = t.data().iter().zip(&p).map(|(t, p)| t + p).collect();
        p.iter_mut().skip(5).step_by(6).for_each(|value| *value = 0.5);
        let mean: Vec<f32> = uniform(6, mean).into_iter().map(|value| value as f32).collect();
        (Matrix::new(p, 40, 6).unwrap(), Matrix::new(t, 40, 6).unwrap(), mean)
    };
    let folds = [fold(1, 2, 3), fold(4, 5, 6)];
    let folds = folds.each_ref().map(|(predicted, target, mean)| FoldPrediction {
        predicted,
        target,
        training_mean: mean,
    });
    let found = held_out_scores(&folds).unwrap();
    close(found.pearson_median, 0.7544807446770114, 1e-7);
    close(found.pearson_q25, 0.5994085677872671, 1e-7);
    close(found.cosine, 0.9409749814172919, 1e-7);
    close(found.cosine_centred, 0.4336267418223994, 1e-6);
    assert!(matches!(held_out_scores(&[]), Err(Error::TooFew { .. })));
}

/// Reads a cells x genes matrix that is split by genes into parts.
fn parts(file: &str, key: &str, n_parts: usize) -> Option<Matrix> {
    let parts: Option<Vec<Vec<f32>>> = (1..=n_parts)
        .map(|part| {
            Some(Npz::shared(&format!("reference/velocity/P_{file}_part{part}of{n_parts}.npz"))?.f32(key))
        })
        .collect();
    let parts = parts?;
    let width = |part: &Vec<f32>| part.len() / N;
    let rows = (0..N)
        .flat_map(|row| parts.iter().flat_map(move |part| part[row * width(part)..][..width(part)].to_vec()));
    Matrix::new(rows.collect(), N, parts.iter().map(width).sum()).ok()
}

const N: usize = 3696;

fn chosen(matrix: &Matrix, genes: &[bool]) -> Matrix {
    let row =
        |row: usize| matrix.row(row).iter().zip(genes).filter(|(_, keep)| **keep).map(|(value, _)| *value);
    Matrix::new((0..N).flat_map(row).collect(), N, genes.iter().filter(|keep| **keep).count()).unwrap()
}

/// Velocities of the velocity genes in one mode.
fn velocity(mode: &str) -> Option<Matrix> {
    let fit = Npz::shared(&format!("reference/velocity/P_{mode}.npz"))?;
    let genes = fit.bool("velocity_genes");
    if mode == "dynamical" {
        let index = Npz::shared("reference/velocity/P_dynamical_fitted_idx.npz")?.u32("gene_index");
        let fitted = parts("velocity_dynamical_fitted", "velocity_dynamical_fitted", 2)?;
        let genes: Vec<bool> = index.iter().map(|&gene| genes[gene as usize]).collect();
        return Some(chosen(&fitted, &genes));
    }
    let (ms, mu, gamma) = (parts("Ms", "Ms", 3)?, parts("Mu", "Mu", 3)?, fit.f32("gamma"));
    let n_genes = gamma.len();
    let value = |at: usize| mu.data()[at] - gamma[at % n_genes] * ms.data()[at];
    Some(chosen(&Matrix::new((0..N * n_genes).map(value).collect(), N, n_genes).unwrap(), &genes))
}

#[test]
fn pancreas_velocities_score_as_published() {
    let Some(base) = Npz::shared("reference/velocity/P_base.npz") else { return };
    let labels = base.codes("labels");
    let umap = Matrix::new(base.f32("X_umap"), N, 2).unwrap();
    // Theirs name each cell first.
    let indices = base.u32("knn_indices").chunks(30).flat_map(|row| row[1..].to_vec()).collect();
    let distances = base.f32("knn_distances").chunks(30).flat_map(|row| row[1..].to_vec()).collect();
    let near = Neighbors::new(29, indices, distances).unwrap();
    // In the order of their names: Alpha, Beta, Delta, Ductal, Epsilon, Ngn3 high EP, Ngn3 low EP, Pre-endocrine.
    let edges = [(6, 5), (5, 7), (7, 0), (7, 1), (7, 2), (7, 4)];
    for (mode, direction, coherence) in
        [("deterministic", 0.354, 0.740), ("stochastic", 0.396, 0.813), ("dynamical", 0.435, 0.853)]
    {
        let fit = Npz::shared(&format!("reference/velocity/P_{mode}.npz")).unwrap();
        let field = Matrix::new(fit.f32("velocity_umap_noscale"), N, 2).unwrap();
        let found = cross_boundary(&umap, &field, &labels, &near, &edges).unwrap();
        let found = mean_direction(&found).unwrap();
        let within = in_cluster_coherence(&velocity(mode).unwrap(), &labels, &near).unwrap().mean.unwrap();
        eprintln!("{mode}: CBDir {found:.4}, ICCoh {within:.4}");
        close(found, direction, 6e-4);
        close(within, coherence, 6e-4);
    }
}
