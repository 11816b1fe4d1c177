//! The dynamical mode against scVelo's `recover_dynamics`.

use mfdoom_kinetics::dynamics::{
    Dynamics, DynamicsOptions, GeneDynamics, LatentOptions, dynamical_velocity, dynamical_velocity_genes,
    latent_time, recover_dynamics,
};
use mfdoom_kinetics::graph::{confidence, terminal_states, velocity_graph};
use mfdoom_kinetics::moments::{Moments, Smoother};
use mfdoom_kinetics::steady::{SteadyOptions, SteadyState, fit_deterministic};
use mfdoom_testing::Npz;

use crate::compare::{median, spearman, timed};
use crate::fixture::Fixture;

struct Fitted {
    fixture: Fixture,
    smoother: Smoother,
    moments: Moments,
    steady: SteadyState,
    dynamics: Dynamics,
    theirs: Npz,
}

fn fit(tag: &'static str) -> Option<Fitted> {
    let fixture = Fixture::open(tag)?;
    let smoother = fixture.smoother();
    let moments = fixture.moments(&smoother);
    let options = SteadyOptions { adjusted_r2: true, ..SteadyOptions::default() };
    let steady = fit_deterministic(&moments.by_gene(), &options);
    let options = DynamicsOptions::default();
    let dynamics = timed("recover dynamics", || {
        recover_dynamics(&moments.by_gene(), &smoother, &steady.velocity_genes, &options).unwrap()
    });
    eprintln!("{tag}: {} genes", dynamics.genes.len());
    let theirs = fixture.npz("dynamical");
    Some(Fitted { fixture, smoother, moments, steady, dynamics, theirs })
}

impl Fitted {
    /// Rank correlation of one parameter with scVelo's; prints the median relative difference next to it.
    fn parameter(&self, name: &str, pick: fn(&GeneDynamics) -> f64) -> f64 {
        let all = self.theirs.f64(&format!("fit_{name}"));
        let theirs: Vec<f64> = self.dynamics.genes.iter().map(|&j| all[j]).collect();
        let ours: Vec<f64> = self.dynamics.fits.iter().map(pick).collect();
        let off: Vec<f64> =
            ours.iter().zip(&theirs).map(|(a, b)| ((a - b) / b.abs().max(1e-12)).abs()).collect();
        let same = off.iter().filter(|&&x| x < 1e-3).count() as f64 / off.len() as f64;
        let rank = spearman(&ours, &theirs);
        eprintln!(
            "{name}: rank {rank:.4}, relative difference {:.1e} in the median, below 1e-3 in {:.1} %",
            median(&off),
            same * 100.0
        );
        rank
    }

    fn check_rates(&self) {
        let theirs: Vec<usize> = self.fixture.npz("dynamical_fitted_idx").usize("gene_index");
        assert_eq!(self.dynamics.genes, theirs, "fitted genes");
        let rank = |name, pick| self.parameter(name, pick);
        for (name, pick) in [
            ("alpha", (|fit| fit.alpha) as fn(&GeneDynamics) -> f64),
            ("beta", |fit| fit.beta),
            ("gamma", |fit| fit.gamma),
            ("t_", |fit| fit.switch),
            ("scaling", |fit| fit.scaling),
            ("std_u", |fit| fit.std_u),
            ("std_s", |fit| fit.std_s),
            ("likelihood", |fit| fit.likelihood),
            ("pval_steady", |fit| fit.p_steady),
            ("steady_u", |fit| fit.steady_u),
            ("steady_s", |fit| fit.steady_s),
            ("variance", |fit| fit.variance),
            ("alignment_scaling", |fit| fit.alignment_scaling),
        ] {
            let rank = rank(name, pick);
            assert!(rank >= 0.95 || name == "pval_steady", "{name}: {rank}");
        }
        let ratio =
            |beta: &[f64], gamma: &[f64]| beta.iter().zip(gamma).map(|(b, g)| g / b).collect::<Vec<_>>();
        let (beta, gamma) = (self.theirs.f64("fit_beta"), self.theirs.f64("fit_gamma"));
        let theirs: Vec<f64> = ratio(&beta, &gamma);
        let theirs: Vec<f64> = self.dynamics.genes.iter().map(|&j| theirs[j]).collect();
        let ours: Vec<f64> = self.dynamics.fits.iter().map(|fit| fit.gamma / fit.beta).collect();
        let rank = spearman(&ours, &theirs);
        eprintln!("gamma / beta: rank {rank:.4}");
        assert!(rank >= 0.95, "gamma / beta: {rank}");
    }

    fn check_times(&self) {
        let theirs = self.fixture.matrix("fit_t", "fit_t").transposed();
        let rank = |k: usize| {
            let wide = |row: &[f32]| row.iter().map(|&t| f64::from(t)).collect::<Vec<f64>>();
            spearman(&wide(self.dynamics.time.row(k)), &wide(theirs.row(k)))
        };
        let ranks: Vec<f64> = (0..theirs.n_rows()).map(rank).filter(|rank| !rank.is_nan()).collect();
        let middle = median(&ranks);
        eprintln!(
            "latent time per gene: rank {middle:.4} in the median, {:.4} least",
            ranks.iter().copied().fold(1.0, f64::min)
        );
        assert!(middle >= 0.9);
    }

    /// Compares velocities per gene; scVelo's are those of the fitted genes only.
    fn check_velocity_per_gene(&self) {
        let file = "velocity_dynamical_fitted";
        let theirs = self.fixture.matrix(file, file).transposed();
        let ours =
            dynamical_velocity(&self.moments.by_gene(), &self.smoother, &self.dynamics).unwrap().transposed();
        let wide = |row: &[f32]| row.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
        let rank = |(k, &j): (usize, &usize)| spearman(&wide(ours.row(j)), &wide(theirs.row(k)));
        let ranks: Vec<f64> =
            self.dynamics.genes.iter().enumerate().map(rank).filter(|r| !r.is_nan()).collect();
        let good = ranks.iter().filter(|&&rank| rank > 0.99).count() as f64 / ranks.len() as f64;
        eprintln!(
            "velocity per gene: rank {:.4} in the median, above 0.99 in {:.1} %",
            median(&ranks),
            good * 100.0
        );
        assert!(median(&ranks) > 0.99 && good > 0.9);
    }

    fn check_velocity(&self) {
        let velocity = timed("velocity", || {
            dynamical_velocity(&self.moments.by_gene(), &self.smoother, &self.dynamics).unwrap()
        });
        let genes = dynamical_velocity_genes(&self.dynamics, &self.steady.r2, 1e-3, 0.01).unwrap();
        let expected = self.theirs.bool("velocity_genes");
        let differ = genes.iter().zip(&expected).filter(|(a, b)| a != b).count();
        eprintln!(
            "velocity genes: {} of {}, {differ} differ",
            genes.iter().filter(|&&g| g).count(),
            genes.len()
        );
        assert!(differ * 50 <= genes.len());
        let ours = velocity.select_columns(&genes);
        let neighbors = self.fixture.neighbors();
        let positions = self.moments.spliced.select_columns(&genes);
        let confidence = confidence(&ours, &neighbors).unwrap();
        let rank = spearman(&confidence.confidence, &self.theirs.f64("confidence"));
        eprintln!("confidence: rank {rank:.4}");
        assert!(rank > 0.9);
        let graph = velocity_graph(&positions, &ours, &neighbors, false).unwrap();
        let states = terminal_states(&graph, &neighbors).unwrap();
        let rank = spearman(&states.end_points, &self.theirs.f64("end_points"));
        eprintln!("end points: rank {rank:.4}");
        assert!(rank > 0.9);
        let likelihood: Vec<f64> = self.dynamics.fits.iter().map(|fit| fit.likelihood).collect();
        let fits = (&self.dynamics.time, likelihood.as_slice());
        let time = latent_time(fits, &self.smoother, &states.root_cells, &LatentOptions::default()).unwrap();
        let rank = spearman(&time, &self.theirs.f64("latent_time"));
        eprintln!("shared latent time: rank {rank:.4}, regions {:?}", states.regions);
        assert!(rank > 0.9);
    }
}

#[test]
fn pancreas_600_cells() {
    let Some(fitted) = fit("P600") else { return };
    fitted.check_rates();
    fitted.check_times();
    fitted.check_velocity_per_gene();
    fitted.check_velocity();
}

#[test]
fn dentate_gyrus_100_cells() {
    let Some(fitted) = fit("D") else { return };
    fitted.check_rates();
    fitted.check_times();
    fitted.check_velocity_per_gene();
    fitted.check_velocity();
}

#[test]
#[ignore = "a minute of CPU; the whole pancreas set"]
fn pancreas_all_cells() {
    // Graph and terminal states of this reference come from connectivities that were changed in between.
    let Some(fitted) = fit("P") else { return };
    fitted.check_rates();
    fitted.check_velocity_per_gene();
}
