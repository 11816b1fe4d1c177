//! Manifests: what made an artefact, so that equal runs give equal bytes.
//!
//! A manifest names the stage, its version, the configuration that decides the numbers, the seed, the
//! format version and the content ids of the inputs. It holds no path beyond a base name, no threads,
//! memory, logging, engine or time.

use std::collections::BTreeMap;
use std::path::Path;

use mfdoom_error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::digest::sha256_bytes;

/// An input of a stage: its base name and content id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InputId {
    /// Name without folders.
    pub name: String,
    /// SHA-256 of a source file, or the content id of an artefact.
    pub content_id: String,
}

/// What made an artefact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The stage, such as `mfdoom-preprocess`.
    pub stage: String,
    /// The version of the stage.
    pub version: String,
    /// Version of the artefact's format.
    pub format: u32,
    /// The configuration that decides the numbers.
    pub config: Value,
    /// The seed, where the stage draws random numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The inputs with their content ids.
    pub inputs: Vec<InputId>,
    /// Identity of the content, from the inputs and the configuration.
    pub content_id: String,
    /// SHA-256 of the files of a folder, by name; empty for tables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

impl Manifest {
    /// Builds a manifest; the content id follows from the other parts.
    pub fn new(stage: &str, version: &str, format: u32, config: Value, inputs: Vec<InputId>) -> Self {
        let content_id = content_id(stage, &inputs, &config, None);
        let (stage, version) = (stage.to_owned(), version.to_owned());
        Self { stage, version, format, config, seed: None, inputs, content_id, files: BTreeMap::new() }
    }

    /// Adds the seed, which decides the numbers too.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self.content_id = content_id(&self.stage, &self.inputs, &self.config, self.seed);
        self
    }

    /// Returns the manifest as JSON with sorted keys.
    pub fn to_json(&self) -> String {
        canonical_json(&serde_json::to_value(self).unwrap_or_default())
    }

    /// Reads a manifest; `source` names the file in messages.
    ///
    /// # Errors
    /// Contract, when the text is not a manifest.
    pub fn from_json(text: &str, source: &str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|error| Error::contract(format!("{source}: not a manifest of MFDOOM")).source(error))
    }

    /// Returns this manifest as an input of the next stage.
    pub fn as_input(&self, path: &Path) -> InputId {
        InputId { name: crate::place::base_name(path), content_id: self.content_id.clone() }
    }
}

/// Returns the identity of what `stage` makes of `inputs` under `config`: a SHA-256 that is the same for
/// a file and a stream, whatever the order and the names of the inputs.
pub fn content_id(stage: &str, inputs: &[InputId], config: &Value, seed: Option<u64>) -> String {
    let mut ids: Vec<&str> = inputs.iter().map(|input| input.content_id.as_str()).collect();
    ids.sort_unstable();
    let parts = json!({ "stage": stage, "inputs": ids, "config": config, "seed": seed });
    sha256_bytes(canonical_json(&parts).as_bytes())
}

/// Returns JSON without spaces and with sorted keys, whatever order the value was built in.
pub fn canonical_json(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            let parts: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical_json(value)))
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(canonical_json).collect();
            format!("[{}]", parts.join(","))
        }
        other => other.to_string(),
    }
}

/// Checks a format tag such as `tokens/1`.
///
/// # Errors
/// Contract for another kind of artefact, incompatible for another version of the same kind.
pub fn check_format(found: Option<&str>, wanted: &str, source: &str) -> Result<()> {
    let kind = |tag: &str| tag.split('/').next().unwrap_or_default().to_owned();
    match found {
        Some(found) if found == wanted => Ok(()),
        Some(found) if kind(found) == kind(wanted) => {
            Err(Error::incompatible(format!("{source}: written in another version of the format"))
                .found(found)
                .wanted(wanted)
                .help("make it again with this version of MFDOOM"))
        }
        Some(found) => {
            Err(Error::contract(format!("{source}: holds something else")).found(found).wanted(wanted))
        }
        None => Err(Error::contract(format!("{source}: not written by MFDOOM"))
            .found("no mfdoom.format in the schema")
            .wanted(wanted)),
    }
}
