//! A velocity folder written into the AnnData file of its cells, as scVelo reads it.
//!
//! | module | for |
//! |---|---|
//! | `layers` | velocities and moments |
//! | `columns` | `var` and `obs` |
//! | `relations` | neighbours, graph, projections, parameters |
//!
//! A fit is the layer `velocity`. A prediction is `velocity_mfdoom`, and also `velocity` where the file has no fit.

mod columns;
pub(crate) mod layers;
mod relations;

use std::path::Path;

use mfdoom_artifact::VelocityDir;
use mfdoom_error::Result;
use serde_json::Value;

use crate::matching::Matching;
use crate::target::Target;

/// Layer of a fit.
const FIT: &str = "velocity";
/// Layer of a prediction.
const PREDICTION: &str = "velocity_mfdoom";

/// Adds what a velocity folder holds to an AnnData file, in one rename.
///
/// # Errors
/// Those of [`Target::in_place`] and [`Target::add_velocity`].
pub fn add(folder: &Path, path: &Path) -> Result<()> {
    let mut target = Target::in_place(path)?;
    target.add_velocity(folder)?;
    target.commit()
}

pub(crate) fn write(target: &mut Target, folder: &Path) -> Result<()> {
    let dir = VelocityDir::open(folder)?;
    let matching =
        Matching::new(dir.velocities()?, &dir.path().display().to_string(), &target.file()?, &target.cells)?;
    let names: &[&str] = match (mode(&dir), target.update.has(&format!("layers/{FIT}"))) {
        (Some(_), _) => &[FIT],
        (None, true) => &[PREDICTION],
        (None, false) => &[PREDICTION, FIT],
    };
    layers::write(&mut target.update, &dir, &matching, names)?;
    columns::write(&mut target.update, &dir, &matching, names)?;
    relations::write(&mut target.update, &dir, &matching, names)?;
    target.note(matching.n_matched(), &format!("a velocity ({})", names.join(", ")));
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
