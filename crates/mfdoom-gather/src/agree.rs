//! What must be equal between shards, and that each is there once.

use std::collections::BTreeSet;

use mfdoom_artifact::Manifest;
use mfdoom_cli::Shard;
use mfdoom_error::{Error, Result};
use serde_json::Value;

/// A shard's manifest and the name of the part for messages.
#[derive(Clone, Debug)]
pub struct Part {
    /// The path as given.
    pub name: String,
    /// Its manifest.
    pub manifest: Manifest,
}

/// Returns the positions of `parts` in the order of their shards, and the manifest of the whole.
///
/// # Errors
/// Contract: a part is no shard, is there twice, or is missing; other settings. Incompatible: another input, such
/// as a model, or another version.
pub fn order(parts: &[Part]) -> Result<(Vec<usize>, Manifest)> {
    let shards: Vec<Shard> = parts.iter().map(shard).collect::<Result<_>>()?;
    let Some((first, count)) = parts.first().zip(shards.first().map(|shard| shard.count())) else {
        return Err(Error::usage("no part").wanted("every shard once"));
    };
    let whole = first.manifest.whole();
    parts.iter().try_for_each(|part| same(&whole, &first.name, part))?;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|&i| shards[i].index());
    if let Some(i) = (0..parts.len()).find(|&i| shards[i].count() != count) {
        return Err(Error::contract(format!("{}: a shard of another division", parts[i].name))
            .found(format!("shard {}", shards[i]))
            .wanted(format!("one of {count} shards, as {}", first.name)));
    }
    if let Some(pair) = order.windows(2).find(|pair| shards[pair[0]] == shards[pair[1]]) {
        return Err(Error::contract(format!(
            "{}: shard {} is there twice",
            parts[pair[1]].name, shards[pair[1]]
        ))
        .found(format!("also {}", parts[pair[0]].name))
        .wanted("every shard once"));
    }
    let there: BTreeSet<u64> = shards.iter().map(|shard| shard.index()).collect();
    let missing: Vec<u64> = (1..=count).filter(|index| !there.contains(index)).collect();
    if let Some(index) = missing.first() {
        let list: Vec<String> = missing.iter().take(10).map(|index| format!("{index}/{count}")).collect();
        return Err(Error::contract(format!("{} of {count} shards are missing", missing.len()))
            .found(format!("no shard {}", list.join(", ")))
            .wanted("every shard once")
            .help(format!("run {} --shard {index}/{count}", whole.stage)));
    }
    Ok((order, whole))
}

fn shard(part: &Part) -> Result<Shard> {
    let text = part.manifest.shard().ok_or_else(|| {
        Error::contract(format!("{}: not a shard", part.name))
            .found(format!("a whole output of {}", part.manifest.stage))
            .wanted("an output of a stage that ran with --shard I/N")
    })?;
    text.parse().map_err(|error: String| Error::contract(format!("{}: shard {error}", part.name)))
}

/// Checks that `part` belongs to `whole`, known from the part named `first`.
fn same(whole: &Manifest, first: &str, part: &Part) -> Result<()> {
    let (name, other) = (&part.name, part.manifest.whole());
    if other.stage != whole.stage {
        return Err(Error::contract(format!("{name}: made by another stage than {first}"))
            .found(other.stage)
            .wanted(whole.stage.as_str()));
    }
    if (&other.version, other.format) != (&whole.version, whole.format) {
        return Err(Error::incompatible(format!("{name}: made by another version than {first}"))
            .found(format!("{} (format {})", other.version, other.format))
            .wanted(format!("{} (format {})", whole.version, whole.format))
            .help("make all shards with the same version"));
    }
    if other.inputs.len() != whole.inputs.len() {
        return Err(Error::incompatible(format!("{name}: made of another number of inputs than {first}"))
            .found(other.inputs.len().to_string())
            .wanted(whole.inputs.len().to_string()));
    }
    for (other, wanted) in other.inputs.iter().zip(&whole.inputs) {
        if other.content_id != wanted.content_id {
            return Err(Error::incompatible(format!("{name}: made of another input than {first}"))
                .found(format!("{} ({})", other.name, other.content_id))
                .wanted(format!("{} ({})", wanted.name, wanted.content_id))
                .help("make all shards from the same data, vocabulary and model"));
        }
    }
    match difference(&other.config, &whole.config) {
        None if other.seed == whole.seed => Ok(()),
        None => Err(Error::contract(format!("{name}: made with another seed than {first}"))
            .found(format!("{:?}", other.seed.unwrap_or_default()))
            .wanted(format!("{:?}", whole.seed.unwrap_or_default()))),
        Some((key, found, wanted)) => {
            let error = match key.as_str() {
                "vocabulary" => {
                    Error::incompatible(format!("{name}: made with another vocabulary than {first}"))
                }
                _ => Error::contract(format!("{name}: made with another setting '{key}' than {first}")),
            };
            Err(error.found(found).wanted(wanted).help("make all shards with the same settings"))
        }
    }
}

/// Returns the first setting that differs, with both values.
fn difference(a: &Value, b: &Value) -> Option<(String, String, String)> {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else {
        return (a != b).then(|| ("configuration".to_owned(), a.to_string(), b.to_string()));
    };
    let show = |value: Option<&Value>| value.map_or_else(|| "not set".to_owned(), Value::to_string);
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let key = keys.into_iter().find(|key| a.get(*key) != b.get(*key))?;
    Some((key.clone(), show(a.get(key)), show(b.get(key))))
}
