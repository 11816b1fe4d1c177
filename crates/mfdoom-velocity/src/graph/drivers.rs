//! Driver genes per cluster.

use std::collections::HashMap;

use mfdoom_artifact::velocity::{CELLS_FILE, Driver, Kinetics};
use mfdoom_artifact::{Gene, ObsType, VelocityDir, obs};
use mfdoom_error::{Error, Result, missing};
use mfdoom_into::velocity::fit_config;
use mfdoom_kinetics::graph::{DriverEvidence, DriverOptions, driver_candidates, rank_drivers};
use mfdoom_matrix::percentile;

use super::input::Velocities;
use crate::args::GraphArgs;

/// Most cells with unspliced counts that are asked of a driver.
const ENOUGH_CELLS: f64 = 50.0;

/// Ranks the driver genes of every cluster; none without clusters.
///
/// # Errors
/// Contract: cells.parquet has no such column.
pub fn rank(velocities: &Velocities, dir: &VelocityDir, args: &GraphArgs) -> Result<Vec<Driver>> {
    let Some(labels) = clusters(velocities, dir, args)? else { return Ok(Vec::new()) };
    let mut names: Vec<&String> = labels.iter().flatten().collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < 2 {
        return Ok(Vec::new());
    }
    // Cells without a label are one cluster more, whose drivers nobody asked for.
    let code = |label: &Option<String>| {
        label.as_ref().and_then(|label| names.binary_search(&label).ok()).unwrap_or(names.len())
    };
    let codes: Vec<usize> = labels.iter().map(code).collect();
    let candidates = candidates(velocities)?;
    let ranked = rank_drivers(&velocities.velocity, &candidates, &codes, args.drivers);
    let mut drivers = Vec::new();
    for (name, found) in names.iter().zip(ranked.map_err(Error::refusal)?) {
        let gene = |k: usize| velocities.genes[found.genes[k]].clone();
        drivers.extend((0..found.genes.len()).map(|k| Driver {
            cluster: (*name).clone(),
            rank: k as u32 + 1,
            gene: gene(k),
            score: found.scores[k],
        }));
    }
    Ok(drivers)
}

/// Returns the cluster of every cell.
fn clusters(
    velocities: &Velocities,
    dir: &VelocityDir,
    args: &GraphArgs,
) -> Result<Option<Vec<Option<String>>>> {
    let columns = &velocities.cells.columns;
    let named = fit_config(dir).get("group_key").and_then(|key| key.as_str());
    let text = columns.iter().find(|(_, column)| column.kind() == ObsType::String);
    let Some(name) = args.cluster_key.as_deref().or(named).or(text.map(|(name, _)| name.as_str())) else {
        return Ok(None);
    };
    let found: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    match obs::position(found.iter().copied(), name) {
        Some(at) => Ok(Some(columns[at].1.to_strings())),
        None => {
            let file = dir.path().join(CELLS_FILE);
            Err(missing(file.display(), "column", name, found, "--cluster-key ")
                .or_help(format!("carry it along: mfdoom-velocity fit --obs {name}")))
        }
    }
}

/// Marks the velocity genes that are expressed, well fitted and correlated enough; all of a prediction.
fn candidates(velocities: &Velocities) -> Result<Vec<bool>> {
    let all = vec![true; velocities.genes.len()];
    let (Some(kinetics), Some(unspliced)) = (&velocities.kinetics, &velocities.unspliced) else {
        return Ok(all);
    };
    let score = best(kinetics, &velocities.genes, kinetics.fit("fit_likelihood").unwrap_or(&kinetics.r2));
    let cells = best(kinetics, &velocities.genes, &kinetics.unspliced_cells);
    if cells.iter().any(|cells| cells.is_nan()) {
        return Ok(all);
    }
    let usual = percentile(&mut kinetics.unspliced_cells.clone(), 50.0).min(ENOUGH_CELLS);
    let options = DriverOptions { min_cells: Some(usual), ..DriverOptions::default() };
    let evidence = DriverEvidence {
        spliced: &velocities.positions,
        unspliced,
        unspliced_cells: &cells,
        velocity_genes: &all,
        score: &score,
    };
    let found = driver_candidates(&evidence, &options).map_err(Error::refusal)?;
    // So few that nothing could be ranked: take all rather than none.
    Ok(if found.contains(&true) { found } else { all })
}

/// Returns a value of each gene, the largest over its groups; NaN where there is none.
fn best(kinetics: &Kinetics, genes: &[Gene], values: &[f64]) -> Vec<f64> {
    let mut largest: HashMap<&str, f64> = HashMap::new();
    for (gene, &value) in kinetics.genes.iter().zip(values) {
        let slot = largest.entry(gene.id.as_str()).or_insert(value);
        *slot = slot.max(value);
    }
    genes.iter().map(|gene| largest.get(gene.id.as_str()).copied().unwrap_or(f64::NAN)).collect()
}
