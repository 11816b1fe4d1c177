//! Deviance of counts against numbers by hand, and the projection of new rows.

use mfdoom_matrix::{Csr, Error, Matrix, pca};
use mfdoom_metrics::{MeanGene, mean_nb_deviance, nb_deviance};

use crate::close;

#[test]
fn a_deviance_is_zero_for_a_perfect_mean_and_grows_away_from_it() {
    for (count, phi) in [(0.0, 0.3), (1.0, 0.0), (7.0, 2.0), (250.0, 1e-9), (250.0, 0.01)] {
        close(nb_deviance(count, count, phi), 0.0, 1e-9);
        let away = [1.0, 2.0, 4.0].map(|more| nb_deviance(count, count + more, phi));
        assert!(away[0] > 0.0 && away[0] < away[1] && away[1] < away[2], "{away:?}");
    }
    // By hand: 2 [3 ln(3 / 1.5) - 5 ln(2.5 / 1.75)] with phi = 1 / 2.
    close(nb_deviance(3.0, 1.5, 0.5), 6.0 * 2f64.ln() - 10.0 * (2.5f64 / 1.75).ln(), 1e-12);
    close(nb_deviance(3.0, 1.5, 0.0), 2.0 * (3.0 * 2f64.ln() - 1.5), 1e-12);
    close(nb_deviance(3.0, 1.5, 2e-7), nb_deviance(3.0, 1.5, 0.0), 1e-6);
    assert!(nb_deviance(1.0, 0.0, 0.5).is_infinite());
}

#[test]
fn the_mean_gene_model_has_pooled_shares_and_dispersions_of_moments() {
    // Counts 2 0 / 0 4 / 2 4 of libraries of 10, 10 and 20.
    let counts = Csr::new(2, vec![0, 1, 2, 4], vec![0, 1, 0, 1], vec![2.0, 4.0, 2.0, 4.0]).unwrap();
    let model = MeanGene::fit(&counts, &[10.0, 10.0, 20.0]).unwrap();
    assert_eq!(model.shares, [0.1, 0.2]);
    // Means 1 1 2: (1 + 1 + 0) - 4 < 0, so 0. Means 2 2 4: (4 + 4 + 0 - 8) / 24.
    assert_eq!(model.dispersion[0], 0.0);
    close(model.dispersion[1], 0.0, 1e-12);
    let counts = Csr::new(2, vec![0, 1, 1], vec![0], vec![6.0]).unwrap();
    let model = MeanGene::fit(&counts, &[10.0, 20.0]).unwrap();
    // Means 2 and 4: (16 + 16 - 6) / 20; of a gene without counts nothing is known.
    close(model.dispersion[0], 1.3, 1e-12);
    assert_eq!((model.shares[1], model.dispersion[1]), (0.0, 0.0));
    assert!(matches!(MeanGene::fit(&counts, &[0.0, 0.0]), Err(Error::TooFew { .. })));
    assert!(matches!(MeanGene::fit(&counts, &[1.0]), Err(Error::Shape { .. })));
}

#[test]
fn the_mean_deviance_counts_zeros_and_scales_by_the_library() {
    let counts = Csr::new(2, vec![0, 1, 1], vec![1], vec![3.0]).unwrap();
    let shares = Matrix::new(vec![0.2, 0.3, 0.25, 0.5], 2, 2).unwrap();
    let found = mean_nb_deviance(&counts, &[10.0, 4.0], &shares, &[0.5, 0.0]).unwrap();
    // Zero of mean 2, a perfect 3, zero of mean 1, and a zero of a Poisson mean of 2.
    let wanted = (4.0 * 2f64.ln() + 0.0 + 4.0 * 1.5f64.ln() + 4.0) / 4.0;
    close(found, wanted, 1e-6);
    assert!(mean_nb_deviance(&counts, &[10.0], &shares, &[0.5, 0.0]).is_err());
    assert!(mean_nb_deviance(&counts, &[10.0, 4.0], &shares, &[0.5]).is_err());
}

#[test]
fn new_rows_are_projected_as_those_that_components_come_from() {
    let counts = Csr::new(3, vec![0, 1, 3, 4, 4], vec![0, 1, 2, 2], vec![2.0, 1.0, 5.0, 3.0]).unwrap();
    let found = pca(&counts, 2, 0).unwrap();
    let again = found.project(&counts.to_dense()).unwrap();
    again.data().iter().zip(found.scores.data()).for_each(|(a, b)| close(f64::from(*a), f64::from(*b), 1e-6));
    assert!(matches!(found.project(&Matrix::new(vec![1.0], 1, 1).unwrap()), Err(Error::Shape { .. })));
}
