//! Neighbours, moments and both steady-state modes against scVelo.

use mfdoom_kinetics::moments::Moments;
use mfdoom_kinetics::steady::{SteadyOptions, SteadyState, fit_deterministic, fit_stochastic, velocity};
use mfdoom_matrix::connectivities;

use crate::compare::{close, close_sparse, timed, wide};
use crate::fixture::Fixture;

fn check_moments(fixture: &Fixture) {
    let theirs = fixture.coo(&fixture.base, "conn_");
    let neighbors = fixture.neighbors();
    let ours = timed("connectivities", || connectivities(&neighbors));
    close_sparse("connectivities", &ours, &theirs, 1e-4);
    let smoother = fixture.smoother();
    let [s, u] = fixture.normalised();
    let moments = timed("moments", || Moments::new(&smoother, &s, &u).unwrap());
    close("Ms", wide(moments.spliced.data()), wide(fixture.matrix("Ms", "Ms").data()), 1e-4);
    close("Mu", wide(moments.unspliced.data()), wide(fixture.matrix("Mu", "Mu").data()), 1e-4);
}

fn check_fit(fixture: &Fixture, mode: &str) {
    let smoother = fixture.smoother();
    let moments = fixture.moments(&smoother);
    let [s, u] = fixture.normalised();
    let options = SteadyOptions::default();
    let fit: SteadyState = timed(mode, || match mode {
        "stochastic" => fit_stochastic(&moments.by_gene(), &smoother, (&s, &u), &options).unwrap(),
        _ => fit_deterministic(&moments.by_gene(), &options),
    });
    let theirs = fixture.npz(mode);
    let differ =
        fit.velocity_genes.iter().zip(theirs.bool("velocity_genes")).filter(|(a, b)| **a != *b).count();
    assert_eq!(differ, 0, "velocity genes");
    close("gamma", fit.gamma.iter().copied(), theirs.f64("gamma"), 1e-3);
    close("quantile ratio", fit.quantile_ratio.iter().copied(), theirs.f64("qreg_ratio"), 1e-3);
    close("r2", fit.r2.iter().copied(), theirs.f64("r2"), 1e-3);
    let file = format!("velocity_{mode}");
    if mode == "stochastic" || fixture.n_cells() < 1000 {
        let ours = velocity(&moments, &fit.gamma).unwrap();
        close("velocity", wide(ours.data()), wide(fixture.matrix(&file, &file).data()), 1e-3);
    }
}

fn check(tag: &'static str) {
    let Some(fixture) = Fixture::open(tag) else { return };
    check_moments(&fixture);
    check_fit(&fixture, "deterministic");
    check_fit(&fixture, "stochastic");
}

#[test]
fn pancreas_600_cells() {
    check("P600");
}

#[test]
fn dentate_gyrus_100_cells() {
    check("D");
}

#[test]
fn pancreas_all_cells() {
    check("P");
}
