//! Settings from a TOML file: keys named as the flags, one table per stage for what only that stage knows.

use std::collections::BTreeMap;
use std::path::Path;

use mfdoom_error::{Error, Result};
use toml::{Table, Value};

/// The stages that a shared file may hold tables for.
const STAGES: [&str; 9] = [
    "decode",
    "embed",
    "evaluate",
    "finetune-decoder",
    "gather",
    "preprocess",
    "pretrain",
    "simulate",
    "velocity",
];

/// The settings of one file that concern one command, by kebab-case flag name.
#[derive(Debug, Default)]
pub(crate) struct Config(BTreeMap<String, Value>);

impl Config {
    /// Reads `path` for the command named by `commands` (the stage, then subcommands).
    pub(crate) fn read(path: &Path, commands: &[&str]) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::usage(format!("--config {}: {error}", path.display())).help("check the path")
        })?;
        let table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| Error::usage(format!("{}: {error}", path.display())))?;
        let mut config = Self::default();
        config.take(table, commands);
        Ok(config)
    }

    /// Takes the settings of `table`, those of the command's own tables over the shared ones.
    fn take(&mut self, table: Table, commands: &[&str]) {
        let own = commands.first().map(|name| name.trim_start_matches("mfdoom-"));
        let mut inner = None;
        for (key, value) in table {
            let key = key.replace('_', "-");
            let name = key.trim_start_matches("mfdoom-");
            match value {
                Value::Table(table) if own == Some(name) => inner = Some(table),
                Value::Table(_) if STAGES.contains(&name) => {}
                value => {
                    self.0.insert(key, value);
                }
            }
        }
        if let Some(table) = inner {
            self.take(table, &commands[1..]);
        }
    }

    /// Returns the names of all settings.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the values of setting `name`: one per entry of a list, `key=value` per entry of a table.
    pub(crate) fn values(&self, name: &str) -> Option<Vec<String>> {
        self.0.get(name).map(|value| match value {
            Value::Array(values) => values.iter().map(scalar).collect(),
            Value::Table(table) => table.iter().map(|(k, v)| format!("{k}={}", scalar(v))).collect(),
            value => vec![scalar(value)],
        })
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
