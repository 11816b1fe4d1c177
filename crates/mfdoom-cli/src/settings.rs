//! The settings that decide a stage's numbers, as they go into a manifest.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use mfdoom_error::{Error, Result};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Returns what `args` serialises: the settings that decide the numbers.
///
/// Unset options (null) are left out, so that adding an option does not change the identity of old results.
pub fn settings(args: &impl Serialize) -> Result<Value> {
    let mut value = to_json(args)?;
    if let Some(map) = value.as_object_mut() {
        map.retain(|_, value| !value.is_null());
    }
    Ok(value)
}

/// Returns what a configuration serialises, unset options among it.
pub fn to_json(config: &impl Serialize) -> Result<Value> {
    serde_json::to_value(config)
        .map_err(|error| Error::failed("the settings cannot be written as JSON").source(error))
}

/// Serialises a value as the text that sets it (`#[serde(serialize_with = "mfdoom_cli::as_text")]`).
pub fn as_text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Serialises a value that may be unset as the text that sets it.
pub fn option_as_text<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.as_ref().map(ToString::to_string).serialize(serializer)
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
