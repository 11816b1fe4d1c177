use mfdoom_matrix::{Matrix, Metric, median};
use mfdoom_metrics::{Places, retrieval};

use crate::close;
use crate::toy::{matrix, uniform};

fn noisy_pair() -> (Matrix, Matrix) {
    let (a, noise) = (matrix(40, 6, 3), uniform(240, 4));
    // As numpy computes it: 0.9 and the noise in f32.
    let b = a.data().iter().zip(&noise).map(|(a, noise)| a + 0.9f32 * *noise as f32).collect();
    (a, Matrix::new(b, 40, 6).unwrap())
}

fn check(found: &Places, wanted: [f64; 4]) {
    let ranks: Vec<f64> = found.ranks().collect();
    let share = |k: usize| found.recall(k).sum::<f64>() / ranks.len() as f64;
    let found = [share(1), share(5), share(10), median(&mut ranks.clone()).unwrap()];
    found.into_iter().zip(wanted).for_each(|(found, wanted)| close(found, wanted, 1e-12));
}

#[test]
fn both_directions_are_those_of_a_full_similarity_matrix() {
    let (a, b) = noisy_pair();
    let cosine = retrieval(&a, &b, Metric::Cosine).unwrap();
    check(&cosine.forward, [0.35, 0.775, 0.975, 2.0]);
    check(&cosine.backward, [0.225, 0.65, 0.825, 4.0]);
    close(cosine.mean_recall(1), 0.2875, 1e-12);
    close(cosine.median_rank(), 3.0, 1e-12);
    close(
        cosine.closer().iter().sum::<f64>() / 40.0,
        (cosine.forward.closer().sum::<f64>() + cosine.backward.closer().sum::<f64>()) / 80.0,
        1e-12,
    );
    let euclidean = retrieval(&a, &b, Metric::Euclidean).unwrap();
    check(&euclidean.forward, [0.075, 0.3, 0.525, 10.0]);
    check(&euclidean.backward, [0.075, 0.45, 0.575, 8.5]);
}

/// One place for all cells must not look like a perfect head, nor like the worst.
#[test]
fn a_constant_embedding_scores_like_chance() {
    let constant = Matrix::new([0.3f32, -1.7, 0.9].repeat(1500), 1500, 3).unwrap();
    for other in [constant.clone(), matrix(1500, 3, 1)] {
        let score = retrieval(&other, &constant, Metric::Cosine).unwrap();
        check(&score.forward, [1.0 / 1500.0, 5.0 / 1500.0, 10.0 / 1500.0, 750.5]);
    }
}

#[test]
fn a_head_finds_itself_and_scale_does_not_matter_to_the_cosine() {
    let x = matrix(700, 8, 5);
    let scaled = Matrix::new(x.data().iter().map(|value| value * 4.0).collect(), 700, 8).unwrap();
    let score = retrieval(&x, &scaled, Metric::Cosine).unwrap();
    check(&score.forward, [1.0, 1.0, 1.0, 1.0]);
    check(&score.backward, [1.0, 1.0, 1.0, 1.0]);
}

/// Two cells share a place: each is its own nearest with probability one half.
#[test]
fn ties_count_by_halves() {
    let x = Matrix::new(vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0, -1.0, 0.0], 4, 2).unwrap();
    let score = retrieval(&x, &x, Metric::Cosine).unwrap();
    close(score.mean_recall(1), 0.75, 1e-12);
    close(score.mean_recall(5), 1.0, 1e-12);
    close(score.median_rank(), 1.25, 1e-12);
}

#[test]
fn the_directions_swap_with_the_heads() {
    let (a, b) = noisy_pair();
    let (there, back) =
        (retrieval(&a, &b, Metric::Cosine).unwrap(), retrieval(&b, &a, Metric::Cosine).unwrap());
    assert_eq!((there.forward, there.backward), (back.backward, back.forward));
}

#[test]
fn heads_of_other_sizes_are_refused() {
    let x = matrix(10, 2, 1);
    assert!(retrieval(&x, &matrix(11, 2, 1), Metric::Cosine).is_err());
    assert!(retrieval(&x, &matrix(10, 3, 1), Metric::Cosine).is_err());
    assert!(retrieval(&matrix(1, 2, 1), &matrix(1, 2, 1), Metric::Cosine).is_err());
}
