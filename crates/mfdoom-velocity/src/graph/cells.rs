//! Results per cell: confidence, length, pseudotime, terminal states, latent time.

use mfdoom_artifact::VelocityDir;
use mfdoom_artifact::velocity::names::{CONFIDENCE, END, LATENT, LENGTH, PSEUDOTIME, ROOT, SELF_TRANSITION};
use mfdoom_artifact::velocity::{CellTable, LATENT_TIME};
use mfdoom_error::{Error, Result};
use mfdoom_kinetics::dynamics::{LatentOptions, latent_time};
use mfdoom_kinetics::graph::{
    DiffusionMap, VelocityGraph, confidence, most_likely, terminal_states, velocity_pseudotime,
};
use mfdoom_kinetics::moments::Smoother;
use mfdoom_matrix::Matrix;

use super::input::{Velocities, not_together};

/// Components of the diffusion map, as in scVelo.
const COMPONENTS: usize = 10;

/// Returns the table of cells with the results added.
///
/// # Errors
/// Contract, when tables of the folder do not belong together.
pub fn results(
    velocities: &Velocities,
    graph: &VelocityGraph,
    smoother: &Smoother,
    dir: &VelocityDir,
) -> Result<CellTable> {
    let mut cells = velocities.cells.clone();
    let found = confidence(&velocities.velocity, &velocities.neighbors).map_err(Error::refusal)?;
    let mean = |values: &[f64]| {
        let (mut sum, mut n) = (0.0, 0.0);
        values.iter().filter(|value| value.is_finite()).for_each(|value| (sum, n) = (sum + value, n + 1.0));
        sum / n
    };
    tracing::info!("mean confidence {:.3}", mean(&found.confidence));
    cells.set_numbers(CONFIDENCE, found.confidence);
    cells.set_numbers(LENGTH, found.length);
    cells.set_numbers(SELF_TRANSITION, graph.self_transition.iter().copied());
    let states = terminal_states(graph, &velocities.neighbors).map_err(Error::refusal)?;
    let map = DiffusionMap::new(graph, smoother, COMPONENTS).map_err(Error::refusal)?;
    if map.n_parts() > 1 {
        tracing::warn!(
            "the neighbour graph falls into {} parts: pseudotime is that of the part with the root; see \
             --n-neighbors of fit",
            map.n_parts()
        );
    }
    let [roots, ends] = states.regions;
    tracing::info!("{roots} regions of roots, {ends} of ends");
    let (root, end) = (most_likely(&states.root_cells, smoother), most_likely(&states.end_points, smoother));
    let time = velocity_pseudotime(&map, root, end).map_err(Error::refusal)?;
    cells.set_numbers(PSEUDOTIME, time);
    if let Some(shared) = shared_time(velocities, smoother, &states.root_cells, dir)? {
        cells.set_numbers(LATENT, shared);
    }
    cells.set_numbers(ROOT, states.root_cells);
    cells.set_numbers(END, states.end_points);
    Ok(cells)
}

/// Returns the latent time that all genes share, for a dynamical fit of all cells together.
fn shared_time(
    velocities: &Velocities,
    smoother: &Smoother,
    roots: &[f64],
    dir: &VelocityDir,
) -> Result<Option<Vec<f64>>> {
    let (Some(table), Some(kinetics)) = (dir.latent()?, &velocities.kinetics) else { return Ok(None) };
    let Some(likelihood) = kinetics.fit("fit_likelihood").filter(|_| kinetics.groups.is_empty()) else {
        return Ok(None);
    };
    let fitted: Vec<bool> = likelihood.iter().map(|value| value.is_finite()).collect();
    let options = LatentOptions::default();
    if !likelihood.iter().any(|value| *value >= options.min_likelihood) {
        tracing::warn!("no gene is likely enough ({}) for a latent time", options.min_likelihood);
        return Ok(None);
    }
    let n_genes = table.schema().genes.len();
    let together = n_genes == fitted.len();
    let read = table.select(&[LATENT_TIME])?.read_all()?;
    if !together || read.cell_id != velocities.cells.cell_id || read.dataset != velocities.cells.dataset {
        return Err(not_together(dir));
    }
    let matrix =
        Matrix::new(read.matrices.into_iter().next().unwrap_or_default(), read.cell_id.len(), n_genes);
    let time = matrix.map_err(Error::refusal)?.select_columns(&fitted).transposed();
    let likelihood: Vec<f64> = likelihood.iter().copied().filter(|value| value.is_finite()).collect();
    let shared = latent_time((&time, &likelihood), smoother, roots, &options);
    shared.map(Some).map_err(Error::refusal)
}
