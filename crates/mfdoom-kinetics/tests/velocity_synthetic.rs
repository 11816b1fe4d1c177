//! Velocity on made-up data whose answer is known.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are tests as well")]

use mfdoom_kinetics::dynamics::{
    DynamicsOptions, LatentOptions, dynamical_velocity, dynamical_velocity_genes, latent_time,
    recover_dynamics,
};
use mfdoom_kinetics::graph::{
    DiffusionMap, DriverEvidence, DriverOptions, confidence, driver_candidates, most_likely, project,
    rank_drivers, terminal_states, transitions, velocity_graph, velocity_pseudotime,
};
use mfdoom_kinetics::moments::{Moments, Smoother};
use mfdoom_kinetics::steady::{SteadyOptions, fit_deterministic, fit_stochastic, velocity};
use mfdoom_matrix::Csr;
use mfdoom_matrix::Matrix;
use mfdoom_matrix::Neighbors;
use mfdoom_matrix::connectivities;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Normal, Poisson};

/// Cells in a row, each with the `k - 1` nearest in number.
fn row_of_cells(n: usize, k: usize) -> Neighbors {
    let (mut indices, mut distances) = (Vec::new(), Vec::new());
    for i in 0..n {
        let mut others: Vec<usize> = (0..n).collect();
        others.sort_by_key(|&j| (j.abs_diff(i), j));
        indices.extend(others[1..k].iter().map(|&j| j as u32));
        distances.extend(others[1..k].iter().map(|&j| j.abs_diff(i) as f32));
    }
    Neighbors::new(k - 1, indices, distances).unwrap()
}

fn smoother(neighbors: &Neighbors) -> Smoother {
    Smoother::new(&connectivities(neighbors)).unwrap()
}

fn generator() -> rand_chacha::ChaCha8Rng {
    rand_chacha::ChaCha8Rng::seed_from_u64(7)
}

/// Poisson counts around means `[n_cells, n_genes]`.
fn counts(mean: &Matrix, random: &mut impl Rng) -> Csr {
    let rows: Vec<(Vec<u32>, Vec<f32>)> = (0..mean.n_rows())
        .map(|i| {
            let draw = |&m: &f32| Poisson::new(f64::from(m.max(1e-6))).unwrap().sample(random) as f32;
            let row: Vec<f32> = mean.row(i).iter().map(draw).collect();
            let stored = (0..row.len()).filter(|&j| row[j] > 0.0);
            stored.map(|j| (j as u32, row[j])).unzip()
        })
        .collect();
    Csr::from_rows(mean.n_cols(), &rows)
}

#[test]
fn membership_of_a_ring_sums_to_the_logarithm_of_k() {
    // Distances 1, 1, 2, 2, 3, 3, 4: nearest others count 1 each, so both directions hold half of the union.
    let n = 40_usize;
    let steps = [1_i64, -1, 2, -2, 3, -3, 4];
    let cell = |i: usize, step: i64| ((i as i64 + step).rem_euclid(n as i64)) as u32;
    let indices = (0..n).flat_map(|i| steps.map(|step| cell(i, step))).collect();
    let distances = (0..n).flat_map(|_| steps.map(|step| step.unsigned_abs() as f32)).collect();
    let graph = connectivities(&Neighbors::new(steps.len(), indices, distances).unwrap());
    assert_eq!(graph.transposed(), graph);
    let weight =
        |i: usize, j: u32| graph.row(i).0.iter().position(|&c| c == j).map(|p| f64::from(graph.row(i).1[p]));
    assert_eq!(weight(0, 1), Some(1.0));
    // With one membership m(d) = exp(-(d - 1) / sigma): 2 + 2 m(2) + 2 m(3) + m(4) = log2(8).
    let m2 = 1.0 - (1.0 - weight(0, 2).unwrap()).sqrt();
    let m3 = 1.0 - (1.0 - weight(0, 3).unwrap()).sqrt();
    let m4 = weight(0, 4).unwrap();
    assert!((2.0 + 2.0 * m2 + 2.0 * m3 + m4 - 3.0).abs() < 1e-3, "{m2} {m3} {m4}");
    assert!((m3 - m2 * m2).abs() < 1e-3);
}

#[test]
fn moments_average_over_connected_cells_and_the_cell() {
    let graph = Csr::new(3, vec![0, 1, 2, 2], vec![1, 0], vec![0.3, 0.3]).unwrap();
    let smoother = Smoother::new(&graph).unwrap();
    let counts = Csr::new(1, vec![0, 1, 2, 3], vec![0, 0, 0], vec![2.0, 4.0, 9.0]).unwrap();
    let moments = smoother.moments(&counts).unwrap();
    assert_eq!(moments.data(), vec![3.0, 3.0, 9.0]);
    assert!(smoother.moments(&Csr::from_rows(1, &[])).is_err());
}

#[test]
fn steady_ratio_is_recovered_from_constructed_moments() {
    let (n, gamma) = (400, [0.2, 0.7, 1.6]);
    let mut random = generator();
    let (mut s, mut u) = (Matrix::filled(n, 4, 0.0), Matrix::filled(n, 4, 0.0));
    for i in 0..n {
        let level = i as f32 / n as f32;
        for (j, gamma) in gamma.iter().enumerate() {
            // Cells between the extremes are induced: more unspliced than the steady ratio asks for.
            let induced = if (0.2..0.6).contains(&level) { 0.1 } else { 0.0 };
            s.data_mut()[i * 4 + j] = level;
            u.data_mut()[i * 4 + j] = gamma * level + induced;
        }
        s.data_mut()[i * 4 + 3] = random.random::<f32>();
    }
    let moments = Moments { spliced: s, unspliced: u };
    let fit = fit_deterministic(&moments.by_gene(), &SteadyOptions::default());
    for (found, gamma) in fit.gamma.iter().zip(gamma) {
        assert!((found - f64::from(gamma)).abs() < 1e-3, "{found} for {gamma}");
    }
    assert_eq!(fit.velocity_genes, vec![true, true, true, false]);
    assert!(fit.r2[2] > 0.9 && fit.gamma[3] == 0.0);
    let velocity = velocity(&moments, &fit.gamma).unwrap();
    assert!((velocity.row(200)[0] - 0.1).abs() < 1e-3 && velocity.row(20)[0].abs() < 1e-3);
    assert!(velocity_is_refused(&moments));
}

fn velocity_is_refused(moments: &Moments) -> bool {
    velocity(moments, &[1.0]).is_err()
}

#[test]
fn stochastic_ratio_is_recovered_from_poisson_counts() {
    let (n, genes) = (900, 6);
    let mut random = generator();
    let gamma: Vec<f32> = (0..genes).map(|j| 0.2 + 0.2 * j as f32).collect();
    let (mut s, mut u) = (Matrix::filled(n, genes, 0.0), Matrix::filled(n, genes, 0.0));
    for i in 0..n {
        for (j, gamma) in gamma.iter().enumerate() {
            s.data_mut()[i * genes + j] = 12.0 * i as f32 / n as f32;
            u.data_mut()[i * genes + j] = gamma * s.data()[i * genes + j];
        }
    }
    let (s, u) = (counts(&s, &mut random), counts(&u, &mut random));
    let smoother = smoother(&row_of_cells(n, 30));
    let moments = Moments::new(&smoother, &s, &u).unwrap();
    let options = SteadyOptions::default();
    let fit = fit_stochastic(&moments.by_gene(), &smoother, (&s, &u), &options).unwrap();
    assert!(fit.velocity_genes.iter().all(|&gene| gene));
    for (found, gamma) in fit.gamma.iter().zip(&gamma) {
        assert!((found / f64::from(*gamma) - 1.0).abs() < 0.08, "{found} for {gamma}");
    }
    assert_ne!(fit.gamma, fit.quantile_ratio);
}

/// Rates of one made-up gene.
struct Truth {
    alpha: f64,
    beta: f64,
    gamma: f64,
    switch: f64,
}

impl Truth {
    fn at(&self, t: f64) -> (f64, f64) {
        let solve = |alpha: f64, (u, s): (f64, f64), t: f64| {
            let (eu, es) = ((-self.beta * t).exp(), (-self.gamma * t).exp());
            let c = (alpha - u * self.beta) / (self.gamma - self.beta);
            (
                u * eu + alpha / self.beta * (1.0 - eu),
                s * es + alpha / self.gamma * (1.0 - es) + c * (es - eu),
            )
        };
        if t < self.switch {
            solve(self.alpha, (0.0, 0.0), t)
        } else {
            solve(0.0, solve(self.alpha, (0.0, 0.0), self.switch), t - self.switch)
        }
    }

    fn velocity(&self, t: f64) -> f64 {
        let (u, s) = self.at(t);
        self.beta * u - self.gamma * s
    }
}

const DURATION: f64 = 20.0;

/// Genes that are induced and repressed again, seen by cells in order of time with a little noise.
fn dynamical_data(n: usize) -> (Vec<Truth>, Moments, Smoother) {
    let genes: Vec<Truth> = (0..24)
        .map(|j| {
            let x = f64::from(j) / 23.0;
            Truth {
                alpha: 5.0 + 5.0 * x,
                beta: 0.5,
                gamma: 0.15 + 0.6 * x,
                switch: 10.0 + 2.0 * (x * 40.0).sin(),
            }
        })
        .collect();
    let mut random = generator();
    let noise = Normal::new(0.0, 0.02).unwrap();
    let (mut s, mut u) = (Matrix::filled(n, genes.len(), 0.0), Matrix::filled(n, genes.len(), 0.0));
    for i in 0..n {
        for (j, gene) in genes.iter().enumerate() {
            let state = gene.at(DURATION * i as f64 / n as f64);
            let slot = i * genes.len() + j;
            u.data_mut()[slot] = (state.0 * (1.0 + noise.sample(&mut random))).max(0.0) as f32;
            s.data_mut()[slot] = (state.1 * (1.0 + noise.sample(&mut random))).max(0.0) as f32;
        }
    }
    (genes, Moments { spliced: s, unspliced: u }, smoother(&row_of_cells(n, 15)))
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len() as f64;
    let (ma, mb) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(x, y)| f(x - ma, y - mb)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
}

#[test]
fn dynamical_rates_times_and_velocities_are_recovered() {
    let n = 1200;
    let (genes, moments, smoother) = dynamical_data(n);
    let steady =
        fit_deterministic(&moments.by_gene(), &SteadyOptions { adjusted_r2: true, ..Default::default() });
    let dynamics = recover_dynamics(
        &moments.by_gene(),
        &smoother,
        &vec![true; genes.len()],
        &DynamicsOptions::default(),
    )
    .unwrap();
    assert_eq!(dynamics.genes.len(), genes.len());
    let found: Vec<f64> = dynamics.fits.iter().map(|fit| fit.gamma / fit.beta).collect();
    let truth: Vec<f64> = genes.iter().map(|gene| gene.gamma / gene.beta).collect();
    assert!(pearson(&found, &truth) > 0.97, "gamma / beta: {}", pearson(&found, &truth));
    let times: Vec<f64> = (0..n).map(|i| DURATION * i as f64 / n as f64).collect();
    let velocity = dynamical_velocity(&moments.by_gene(), &smoother, &dynamics).unwrap().transposed();
    let (mut good_time, mut good_velocity) = (0, 0);
    for (k, gene) in genes.iter().enumerate() {
        let wide = |row: &[f32]| row.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        good_time += usize::from(pearson(&wide(dynamics.time.row(k)), &times) > 0.9);
        let truth: Vec<f64> = times.iter().map(|&t| gene.velocity(t)).collect();
        good_velocity += usize::from(pearson(&wide(velocity.row(k)), &truth) > 0.85);
    }
    assert!(good_time >= 20 && good_velocity >= 20, "{good_time} {good_velocity} of {}", genes.len());
    let marked = dynamical_velocity_genes(&dynamics, &steady.r2, 1e-3, 0.01).unwrap();
    assert!(marked.iter().filter(|&&gene| gene).count() >= 12);
    let mut roots = vec![0.0; n];
    roots[0] = 1.0;
    let shared = latent_time(
        (&dynamics.time, &dynamics.fits.iter().map(|fit| fit.likelihood).collect::<Vec<_>>()),
        &smoother,
        &roots,
        &LatentOptions { min_likelihood: 0.0, ..Default::default() },
    );
    assert!(pearson(&shared.unwrap(), &times) > 0.9);
}

#[test]
fn threads_change_no_byte() {
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (genes, moments, smoother) = dynamical_data(300);
            let all = vec![true; genes.len()];
            let dynamics =
                recover_dynamics(&moments.by_gene(), &smoother, &all, &DynamicsOptions::default()).unwrap();
            let velocity = dynamical_velocity(&moments.by_gene(), &smoother, &dynamics).unwrap();
            let neighbors = row_of_cells(300, 15);
            let graph = velocity_graph(&moments.spliced, &velocity, &neighbors, true).unwrap();
            let states = terminal_states(&graph, &neighbors).unwrap();
            (dynamics, graph, states)
        })
    };
    assert!(fit(1) == fit(2));
}

/// Cells along a quarter circle, moving along it; the two coordinates and a constant are the genes.
fn moving_cells(n: usize) -> (Matrix, Matrix, Neighbors) {
    let angle = |i: usize| std::f32::consts::FRAC_PI_2 * i as f32 / n as f32;
    let positions = (0..n).flat_map(|i| [angle(i).sin(), angle(i).cos(), 0.0]).collect();
    let velocity = (0..n).flat_map(|i| [angle(i).cos(), -angle(i).sin(), 0.0]).collect();
    (Matrix::new(positions, n, 3).unwrap(), Matrix::new(velocity, n, 3).unwrap(), row_of_cells(n, 11))
}

#[test]
fn graph_points_where_the_cells_move() {
    let n = 200;
    let (positions, velocity, neighbors) = moving_cells(n);
    let graph = velocity_graph(&positions, &velocity, &neighbors, false).unwrap();
    for i in 0..n {
        let (cells, cosines) = graph.cosines.row(i);
        assert!(cells.iter().zip(cosines).all(|(&j, &cosine)| (cosine > 0.0) == (j as usize > i)));
    }
    let largest = |i: usize| graph.cosines.row(i).1.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    assert!(largest(50) > 0.999 && graph.cosines.values().iter().all(|&c| c.abs() <= 1.0));
    assert!(largest(n - 1) < 0.0);

    for i in 0..n {
        let (cells, probabilities) = transitions(&graph, i);
        assert!(cells.is_sorted_by(|a, b| a < b));
        let total: f32 = probabilities.iter().map(|p| p.abs()).sum();
        assert!((total - 1.0).abs() < 1e-5);
    }
    let line = Matrix::new((0..n).flat_map(|i| [i as f32, 0.0]).collect(), n, 2).unwrap();
    let steps = project(&line, &graph).unwrap();
    assert!((20..n - 20).all(|i| steps.row(i)[0] > 0.5 && steps.row(i)[1] == 0.0));

    let confidence = confidence(&velocity, &neighbors).unwrap();
    assert!(confidence.confidence.iter().all(|&c| c > 0.99 && c <= 1.0 + 1e-6));
    assert!(project(&Matrix::filled(3, 2, 0.0), &graph).is_err());
}

#[test]
fn pseudotime_runs_from_root_to_end() {
    let n = 200;
    let (positions, velocity, neighbors) = moving_cells(n);
    let graph = velocity_graph(&positions, &velocity, &neighbors, false).unwrap();
    let smoother = smoother(&neighbors);
    let states = terminal_states(&graph, &neighbors).unwrap();
    let end = most_likely(&states.end_points, &smoother).unwrap();
    assert!(states.regions[1] == 1 && end > n - 15, "{:?} {end}", states.regions);
    let map = DiffusionMap::new(&graph, &smoother, 10).unwrap();
    let time = velocity_pseudotime(&map, Some(0), Some(end)).unwrap();
    let order: Vec<f64> = (0..n).map(|i| i as f64).collect();
    assert!(pearson(&time, &order) > 0.95);
    assert_eq!(time.iter().copied().fold(0.0, f64::max), 1.0);
    assert!(velocity_pseudotime(&map, Some(n), None).is_err());
    assert!(velocity_pseudotime(&map, None, None).unwrap().iter().all(|t| t.is_nan()));
}

#[test]
fn the_gene_that_moves_in_one_cluster_only_drives_it() {
    let (n, genes) = (300, 10);
    let mut random = generator();
    let clusters: Vec<usize> = (0..n).map(|i| i / 100).collect();
    let mut velocity = Matrix::filled(n, genes, 0.0);
    for (i, cluster) in clusters.iter().enumerate() {
        for j in 0..genes {
            let own = if j == cluster * 3 { 2.0 } else { 0.0 };
            velocity.data_mut()[i * genes + j] = own + random.random::<f32>();
        }
    }
    let mut candidates = vec![true; genes];
    candidates[6] = false;
    let ranked = rank_drivers(&velocity, &candidates, &clusters, 4).unwrap();
    assert_eq!([ranked[0].genes[0], ranked[1].genes[0]], [0, 3]);
    assert!(ranked[0].scores[0] > 10.0 && ranked[0].genes.len() == 4);
    assert!(ranked.iter().all(|cluster| !cluster.genes.contains(&6)));
    assert!(ranked[0].scores.is_sorted_by(|a, b| a >= b));
}

#[test]
fn driver_candidates_are_expressed_fitted_and_correlated() {
    let n = 100;
    let (mut s, mut u) = (Matrix::filled(n, 3, 0.0), Matrix::filled(n, 3, 0.0));
    for i in 0..n {
        s.data_mut()[i * 3..i * 3 + 3].fill(i as f32);
        // Gene 0 follows, gene 1 opposes, gene 2 follows but is poorly fitted.
        u.data_mut()[i * 3..i * 3 + 3].copy_from_slice(&[i as f32, (n - i) as f32, i as f32]);
    }
    let moments = Moments { spliced: s, unspliced: u };
    let options = DriverOptions { min_cells: Some(10.0), ..Default::default() };
    let evidence = DriverEvidence {
        spliced: &moments.spliced,
        unspliced: &moments.unspliced,
        unspliced_cells: &[100.0; 3],
        velocity_genes: &[true; 3],
        score: &[0.5, 0.5, 0.05],
    };
    let found = driver_candidates(&evidence, &options).unwrap();
    assert_eq!(found, vec![true, false, false]);
}

#[test]
fn impossible_input_is_refused() {
    let (_, moments, smoother) = dynamical_data(50);
    assert!(recover_dynamics(&moments.by_gene(), &smoother, &[true], &DynamicsOptions::default()).is_err());
    let none = vec![false; moments.n_genes()];
    let error =
        recover_dynamics(&moments.by_gene(), &smoother, &none, &DynamicsOptions::default()).unwrap_err();
    assert!(error.to_string().contains("no gene"), "{error}");
}
