//! A velocity folder written into the AnnData file of its cells, as scVelo reads it.
//!
//! | module | for |
//! |---|---|
//! | [`matching`] | which row is which cell, which column which gene |
//! | [`layers`] | velocities and moments |
//! | [`columns`] | `var` and `obs` |
//! | [`relations`] | neighbours, graph, projections, parameters |
//!
//! A fit is the layer `velocity`. A prediction is `velocity_mfdoom`, and also `velocity` where the file has no fit.

pub mod columns;
pub mod layers;
pub mod matching;
pub mod names;
pub mod relations;

use std::path::Path;

use mfdoom_artifact::VelocityDir;
use mfdoom_counts::{H5ad, H5adUpdate, Source};
use mfdoom_error::Result;
use serde_json::Value;

use self::matching::Matching;

/// Layer of a fit.
const FIT: &str = "velocity";
/// Layer of a prediction.
const PREDICTION: &str = "velocity_mfdoom";

/// Adds what a velocity folder holds to an AnnData file, in one rename.
///
/// # Errors
/// Contract: not an AnnData file, or none of its cells or genes is in the folder.
pub fn add(folder: &Path, path: &Path) -> Result<()> {
    let dir = VelocityDir::open(folder)?;
    let file = H5ad::open(path)?;
    let matching = Matching::new(&dir, &file)?;
    let has_fit = file.sources().contains(&Source::Layer(FIT.to_owned()));
    let names: &[&str] = match (mode(&dir), has_fit) {
        (Some(_), _) => &[FIT],
        (None, true) => &[PREDICTION],
        (None, false) => &[PREDICTION, FIT],
    };
    drop(file);
    let mut update = H5adUpdate::open(path)?;
    layers::write(&mut update, &dir, &matching, names)?;
    columns::write(&mut update, &dir, &matching, names)?;
    relations::write(&mut update, &dir, &matching, names)?;
    update.commit()?;
    tracing::info!(
        "{}: {} of {} cells have a velocity now ({})",
        path.display(),
        matching.n_matched(),
        matching.n_obs(),
        names.join(", ")
    );
    Ok(())
}

/// Returns the configuration of the fit that a folder comes from, over any number of graphs.
pub fn fit_config(dir: &VelocityDir) -> &Value {
    let config = &dir.manifest().config;
    config.get("velocity").unwrap_or(config)
}

/// Returns the mode of the fit that a folder comes from; nothing for a prediction.
pub fn mode(dir: &VelocityDir) -> Option<&str> {
    fit_config(dir).get("mode")?.as_str()
}
