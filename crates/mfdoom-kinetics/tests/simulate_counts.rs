//! The count sampler: moments, zeros, and what capture and batches do to the mean.

use mfdoom_kinetics::simulate::{Design, Noise, Simulation};
use mfdoom_matrix::Csr;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const DRAWS: usize = 200_000;

fn sum(counts: &Csr) -> f64 {
    counts.row_sums().iter().sum()
}

/// Mean, variance and share of zeros.
fn moments(noise: Noise, mean: f64) -> (f64, f64, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let draws: Vec<_> = (0..DRAWS).map(|_| f64::from(noise.sample(mean, &mut rng))).collect();
    let average = draws.iter().sum::<f64>() / DRAWS as f64;
    let variance = draws.iter().map(|x| (x - average).powi(2)).sum::<f64>() / DRAWS as f64;
    (average, variance, draws.iter().filter(|x| **x == 0.0).count() as f64 / DRAWS as f64)
}

/// Five standard errors of the mean, and a tenth of the variance.
fn check(noise: Noise, mean: f64, variance: f64, zero: f64) {
    let (m, v, z) = moments(noise, mean);
    let error = 5.0 * (variance / DRAWS as f64).sqrt();
    assert!((m - mean).abs() < error, "{noise:?}: mean {m}, wanted {mean}");
    assert!((v / variance - 1.0).abs() < 0.1, "{noise:?} at {mean}: variance {v}, wanted {variance}");
    let error = 5.0 * (zero * (1.0 - zero) / DRAWS as f64).sqrt() + 1e-12;
    assert!((z - zero).abs() <= error, "{noise:?} at {mean}: zeros {z}, wanted {zero}");
}

// small means end at once, middle ones walk, the last two take the other path
const MEANS: [f64; 6] = [0.02, 0.7, 3.0, 40.0, 60.0, 900.0];

#[test]
fn poisson_counts_have_the_moments_of_their_name() {
    for mean in MEANS {
        check(Noise::Poisson, mean, mean, (-mean).exp());
    }
}

#[test]
fn negative_binomial_counts_have_the_moments_of_their_name() {
    for dispersion in [0.05, 0.5, 3.0] {
        for mean in MEANS {
            let noise = Noise::NegativeBinomial { dispersion };
            let zero = (1.0 + dispersion * mean).powf(-1.0 / dispersion);
            check(noise, mean, mean + dispersion * mean * mean, zero);
        }
    }
}

#[test]
fn a_mean_of_zero_gives_no_count() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for noise in [Noise::Poisson, Noise::NegativeBinomial { dispersion: 0.2 }] {
        assert!((0..1000).all(|_| noise.sample(0.0, &mut rng) == 0));
    }
}

#[test]
fn totals_follow_molecules_times_capture_times_batch() {
    let design =
        Design { cells: 1200, genes: 300, batches: 3, batch_effect: 0.5, seed: 2, ..Design::default() };
    let simulation = Simulation::new(design.clone()).unwrap();
    for (index, batch) in simulation.batches().iter().enumerate() {
        let cells = design.cells_of_batch(index);
        let (counts, truth) = (simulation.block(cells.clone()), simulation.truth(cells.clone()));
        let mut expected = [0.0; 2];
        for (row, cell) in cells.enumerate() {
            let capture = simulation.cell(cell).capture * batch.depth;
            for gene in 0..design.genes {
                let scale = capture * batch.factors[gene];
                expected[0] += scale * f64::from(truth.spliced[row * design.genes + gene]);
                expected[1] += scale * f64::from(truth.unspliced[row * design.genes + gene]);
            }
        }
        let found = [sum(&counts.spliced), sum(&counts.unspliced)];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found / expected - 1.0).abs() < 0.02, "{}: {found} against {expected}", batch.name);
        }
    }
    assert!(simulation.batches()[0].factors.iter().all(|factor| *factor == 1.0));
    assert!(simulation.batches()[1].factors.iter().any(|factor| (factor - 1.0).abs() > 0.3));
}

#[test]
fn counts_look_like_a_droplet_experiment() {
    let simulation = Simulation::new(Design { cells: 500, ..Design::default() }).unwrap();
    let block = simulation.block(0..500);
    let unspliced = sum(&block.unspliced) / sum(&block.total);
    assert!((0.10..0.35).contains(&unspliced), "{unspliced} of the counts are unspliced");
    let filled = block.total.nnz() as f64 / (500.0 * 1000.0);
    assert!((0.15..0.5).contains(&filled), "{filled} of the entries are filled");
}
