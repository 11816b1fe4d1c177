//! Graph, projection, confidence and pseudotime against scVelo.

use mfdoom_kinetics::graph::{
    DiffusionMap, autoscale, confidence, most_likely, project, terminal_states, velocity_graph,
    velocity_pseudotime,
};
use mfdoom_matrix::{Csr, Matrix};

use crate::compare::{close, close_sparse, timed, wide};
use crate::fixture::Fixture;

/// Returns the entries that `keep` takes.
fn part(matrix: &Csr, keep: fn(f32) -> bool) -> Csr {
    let row = |i: usize| {
        let (columns, values) = matrix.row(i);
        columns.iter().zip(values).filter(|(_, value)| keep(**value)).unzip()
    };
    Csr::from_rows(matrix.n_cols(), &(0..matrix.n_rows()).map(row).collect::<Vec<_>>())
}

fn check(tag: &'static str, mode: &str) {
    let Some(fixture) = Fixture::open(tag) else { return };
    let theirs = fixture.npz(mode);
    let genes = theirs.bool("velocity_genes");
    let positions = fixture.matrix("Ms", "Ms").select_columns(&genes);
    let velocity_file = format!("velocity_{mode}");
    let velocity = fixture.matrix(&velocity_file, &velocity_file).select_columns(&genes);
    let neighbors = fixture.neighbors();
    let graph =
        timed("velocity graph", || velocity_graph(&positions, &velocity, &neighbors, mode == "stochastic"))
            .unwrap();
    let file = |sign: &str| fixture.npz(&format!("{mode}_graph{sign}"));
    close_sparse("graph", &part(&graph.cosines, |cosine| cosine > 0.0), &fixture.coo(&file(""), ""), 1e-3);
    close_sparse(
        "graph_neg",
        &part(&graph.cosines, |cosine| cosine < 0.0),
        &fixture.coo(&file("_neg"), ""),
        1e-3,
    );
    close("self transition", graph.self_transition.iter().copied(), theirs.f64("self_transition"), 1e-3);

    let umap = Matrix::new(fixture.base.f32("X_umap"), fixture.n_cells(), 2).unwrap();
    let mut steps = timed("transitions and projection", || project(&umap, &graph)).unwrap();
    close("projection", wide(steps.data()), theirs.f64("velocity_umap_noscale"), 1e-3);
    autoscale(&umap, &mut steps);
    close("autoscaled projection", wide(steps.data()), theirs.f64("velocity_umap"), 1e-3);

    let ours = timed("confidence", || confidence(&velocity, &neighbors)).unwrap();
    close("confidence", ours.confidence, theirs.f64("confidence"), 1e-3);
    close("length, rounded there", ours.length, theirs.f64("length"), 6e-3);

    let smoother = fixture.smoother();
    let states = timed("terminal states", || terminal_states(&graph, &neighbors)).unwrap();
    let map = timed("diffusion map", || DiffusionMap::new(&graph, &smoother, 10)).unwrap();
    let (root, end) =
        (most_likely(&states.root_cells, &smoother), most_likely(&states.end_points, &smoother));
    let time = velocity_pseudotime(&map, root, end).unwrap();
    eprintln!("{tag} {mode}: regions {:?}, root {root:?}, end {end:?}", states.regions);
    close("pseudotime", time, theirs.f64("velocity_pseudotime"), 1e-3);
}

#[test]
fn pancreas_600_cells_deterministic() {
    check("P600", "deterministic");
}

#[test]
fn pancreas_600_cells_stochastic() {
    check("P600", "stochastic");
}

#[test]
fn dentate_gyrus_deterministic() {
    check("D", "deterministic");
}

#[test]
fn dentate_gyrus_stochastic() {
    check("D", "stochastic");
}

#[test]
fn pancreas_all_cells_stochastic() {
    check("P", "stochastic");
}
