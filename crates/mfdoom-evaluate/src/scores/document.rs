//! `metrics.json`.

use super::Scores;
use serde::Serialize;
use serde_json::{Map, Value};

/// An input and its identity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoredInput {
    /// What it is of, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// Base name.
    pub name: String,
    /// Content id of its manifest, else SHA-256 of the file; null for a foreign stream.
    pub content_id: Option<String>,
}

/// All that a run found; fields are written in the order given here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// The program.
    pub stage: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What was scored: `embedding`, `velocity`, `expression`, `retention`, `generated` or `trajectories`.
    pub command: &'static str,
    /// What decides the numbers.
    pub settings: Value,
    /// What was read.
    pub inputs: Vec<ScoredInput>,
    /// How many cells took part.
    pub cells: Value,
    /// What is no single score: tables and curves, by name.
    #[serde(flatten)]
    pub details: Map<String, Value>,
    /// One row for each score.
    pub scores: Scores,
}

impl ScoredInput {
    /// Returns a source by name and identity.
    pub fn new(name: &str, content_id: Option<String>) -> Self {
        Self { role: None, name: name.to_owned(), content_id }
    }
}

impl Document {
    /// Returns a document without scores.
    pub fn new(command: &'static str, settings: Value, inputs: Vec<ScoredInput>) -> Self {
        Self {
            stage: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            command,
            settings,
            inputs,
            cells: Value::Null,
            details: Map::new(),
            scores: Scores::default(),
        }
    }

    /// Adds what is no single score.
    ///
    /// # Errors
    /// Failed, when it cannot be written as JSON.
    pub fn detail(&mut self, name: &str, value: &impl Serialize) -> mfdoom_error::Result<()> {
        let value = serde_json::to_value(value).map_err(|error| {
            mfdoom_error::Error::failed(format!("{name} cannot be written as JSON")).source(error)
        })?;
        self.details.insert(name.to_owned(), value);
        Ok(())
    }
}
