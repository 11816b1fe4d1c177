//! The settings that decide a stage's numbers, as they go into a manifest.

use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Returns what `args` serialises: the settings that decide the numbers.
///
/// Unset options (null) are left out, so that adding an option does not change the identity of old results.
pub fn settings(args: &impl Serialize) -> Result<Value> {
    let mut value = serde_json::to_value(args)
        .map_err(|error| Error::failed("the settings cannot be written as JSON").source(error))?;
    if let Some(map) = value.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    Ok(value)
}

/// Serialises a path as its base name (`#[serde(serialize_with = "mfdoom_cli::base_name")]`).
pub fn base_name<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(name).serialize(serializer)
}

/// Serialises paths as their base names.
pub fn base_names<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| name(path)))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
