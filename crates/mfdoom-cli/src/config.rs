//! Settings from a TOML file: keys named as the flags, one table per stage for what only that stage knows.

use std::collections::BTreeMap;
use std::path::Path;

use mfdoom_error::{Error, Result};
use toml::{Table, Value};

use crate::resolve::split_list;

/// The stages that a shared file may hold tables for; a test holds this list to the stages that there are.
const STAGES: [&str; 11] = [
    "annotate",
    "decode",
    "embed",
    "evaluate",
    "finetune-decoder",
    "gather",
    "generate",
    "preprocess",
    "pretrain",
    "simulate",
    "velocity",
];

/// The name of a subcommand in use, and those of all that could be.
pub(crate) type Level<'a> = (&'a str, Vec<&'a str>);

/// The settings of one file that concern one command, by kebab-case flag name.
#[derive(Debug, Default)]
pub(crate) struct Config(BTreeMap<String, Value>);

impl Config {
    /// Reads `path` for a `stage` and the subcommands in use.
    pub(crate) fn read(path: &Path, stage: &str, levels: &[Level<'_>]) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::usage(format!("--config {}: {error}", path.display())).help("check the path")
        })?;
        let stage = (stage.trim_start_matches("mfdoom-"), STAGES.to_vec());
        let levels: Vec<Level<'_>> = std::iter::once(stage).chain(levels.iter().cloned()).collect();
        Self::parse(&text, &path.display().to_string(), &levels)
    }

    /// Reads the text of a file that is called `name`.
    pub(crate) fn parse(text: &str, name: &str, levels: &[Level<'_>]) -> Result<Self> {
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| Error::usage(format!("{name}: {error}")))?;
        let mut config = Self::default();
        config.take(table, levels);
        Ok(config)
    }

    /// Takes the settings of `table`, those of the command's own tables over the shared ones.
    fn take(&mut self, table: Table, levels: &[Level<'_>]) {
        let (own, others) = levels.first().map_or(("", &[][..]), |(own, others)| (*own, others.as_slice()));
        let mut inner = None;
        for (key, value) in table {
            let key = key.replace('_', "-");
            let name = key.trim_start_matches("mfdoom-");
            match value {
                Value::Table(table) if own == name => inner = Some(table),
                Value::Table(_) if others.contains(&name) => {}
                value => {
                    self.0.insert(key, value);
                }
            }
        }
        if let Some(table) = inner {
            self.take(table, &levels[1..]);
        }
    }

    /// Returns the names of all settings.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the values of setting `name`: one per entry of an array as it stands there, `key=value` per entry of a
    /// table, and the parts of a text where the option is a list.
    pub(crate) fn values(&self, name: &str, is_list: bool) -> Option<Vec<String>> {
        self.0.get(name).map(|value| match value {
            Value::Array(values) => values.iter().map(text).collect(),
            Value::Table(table) => {
                table.iter().map(|(key, value)| format!("{key}={}", text(value))).collect()
            }
            Value::String(list) if is_list => split_list(list),
            value => vec![text(value)],
        })
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
