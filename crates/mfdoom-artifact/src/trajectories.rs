//! The folder of generated trajectories.
//!
//! | file | holds |
//! |---|---|
//! | `states.parquet` | key, annotation, counts [G] of each modality: a table of predictions |
//! | `embeddings.parquet` | key, annotation, the head `fusion`: a table of embeddings |
//! | `trajectories.h5ad` | both for scanpy |
//! | `manifest.json` | what made the folder |
//!
//! All have a row for each trajectory and step, by trajectory and then by step.

use crate::obs::{ObsField, ObsType};

/// Format version of the folder.
pub const TRAJECTORIES_FORMAT: u32 = 1;
/// Counts, one row per trajectory and step.
pub const STATES_FILE: &str = "states.parquet";
/// Vectors of the model, one row per trajectory and step.
pub const EMBEDDINGS_FILE: &str = "embeddings.parquet";
/// The same for scanpy.
pub const H5AD_FILE: &str = "trajectories.h5ad";
/// Head of the vectors.
pub const HEAD: &str = "fusion";

/// Number of the trajectory, from 0.
pub const TRAJECTORY: &str = "trajectory";
/// Steps from the start, which is step 0.
pub const STEP: &str = "step";
/// Time from the start in the unit of the velocities, negative where the trajectory goes backward.
pub const PSEUDO_TIME: &str = "pseudo_time";
/// Id of the cell that the trajectory began at.
pub const START: &str = "start";
/// Id of the observed cell nearest to the state.
pub const NEAREST: &str = "nearest";
/// Data set of that cell.
pub const NEAREST_DATASET: &str = "nearest_dataset";
/// Distance to the observed cells over what is usual among them.
pub const DRIFT: &str = "drift";
/// Whether the trajectory ends here since it has left the observed cells.
pub const LEFT: &str = "left";
/// How far off the velocity may be, in its unit.
pub const UNCERTAINTY: &str = "uncertainty";

/// Returns the annotation that every row has.
pub fn fields() -> Vec<ObsField> {
    [
        (TRAJECTORY, ObsType::Int),
        (STEP, ObsType::Int),
        (PSEUDO_TIME, ObsType::Float),
        (START, ObsType::String),
        (NEAREST, ObsType::String),
        (NEAREST_DATASET, ObsType::String),
        (DRIFT, ObsType::Float),
        (LEFT, ObsType::Bool),
        (UNCERTAINTY, ObsType::Float),
    ]
    .into_iter()
    .map(|(name, kind)| ObsField::new(name, kind))
    .collect()
}
