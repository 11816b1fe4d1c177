//! Which genes each data set measured, per modality.
//!
//! A gene that was absent from a file, or filtered there, is unknown and not zero.

use std::collections::BTreeMap;
use std::sync::Arc;

use mfdoom_error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Token ids measured by each data set and modality, ascending.
///
/// Equal sets are stored once. As text, a set is a list of runs: `1-2000,2003`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    sets: BTreeMap<String, BTreeMap<String, Arc<[u32]>>>,
}

#[derive(Serialize, Deserialize)]
struct Json {
    sets: Vec<String>,
    datasets: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Measured {
    /// Sets the token ids of a data set and modality; they are sorted and made unique.
    pub fn insert(&mut self, dataset: &str, modality: &str, tokens: impl Into<Vec<u32>>) {
        let mut tokens: Vec<u32> = tokens.into();
        tokens.sort_unstable();
        tokens.dedup();
        let known = self.sets.values().flat_map(BTreeMap::values).find(|set| ***set == *tokens).cloned();
        let tokens = known.unwrap_or_else(|| tokens.into());
        self.sets.entry(dataset.to_owned()).or_default().insert(modality.to_owned(), tokens);
    }

    /// Returns the token ids of a data set and modality; nothing when the modality was not measured.
    pub fn get(&self, dataset: &str, modality: &str) -> Option<&Arc<[u32]>> {
        self.sets.get(dataset)?.get(modality)
    }

    /// Returns the data sets by name.
    pub fn datasets(&self) -> impl Iterator<Item = &str> {
        self.sets.keys().map(String::as_str)
    }

    /// Returns every (data set, modality, token ids).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Arc<[u32]>)> {
        self.sets.iter().flat_map(|(dataset, modalities)| {
            modalities.iter().map(move |(modality, set)| (dataset.as_str(), modality.as_str(), set))
        })
    }

    /// Returns the sets with every token id replaced by `map`; 0 drops it.
    pub fn mapped(&self, map: impl Fn(u32) -> u32) -> Self {
        let mut mapped = Self::default();
        for (dataset, modality, set) in self.iter() {
            let tokens: Vec<u32> = set.iter().map(|&token| map(token)).filter(|&token| token > 0).collect();
            mapped.insert(dataset, modality, tokens);
        }
        mapped
    }

    /// Returns the text of the metadata.
    pub fn to_json(&self) -> String {
        let mut sets: Vec<String> = Vec::new();
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        let mut datasets: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for (dataset, modality, set) in self.iter() {
            let runs = to_runs(set);
            let number = *numbers.entry(runs.clone()).or_insert_with(|| {
                sets.push(runs);
                sets.len() - 1
            });
            datasets.entry(dataset.to_owned()).or_default().insert(modality.to_owned(), number);
        }
        serde_json::to_string(&Json { sets, datasets }).unwrap_or_default()
    }

    /// Reads the text of the metadata; ids must be 1 to `n_genes`. `source` names the table in messages.
    ///
    /// # Errors
    /// Contract, when the text is damaged or names ids outside the vocabulary.
    pub fn from_json(text: &str, n_genes: usize, source: &str) -> Result<Self> {
        let damaged = || Error::contract(format!("{source}: the list of measured genes is damaged"));
        let json: Json = serde_json::from_str(text).map_err(|error| damaged().source(error))?;
        let sets: Vec<Arc<[u32]>> = json
            .sets
            .iter()
            .map(|runs| from_runs(runs, n_genes).map(Arc::from).ok_or_else(|| damaged().found(runs.clone())))
            .collect::<Result<_>>()?;
        let mut measured = Self::default();
        for (dataset, modalities) in json.datasets {
            for (modality, number) in modalities {
                let set = sets.get(number).ok_or_else(|| damaged().found(format!("set {number}")))?;
                measured.sets.entry(dataset.clone()).or_default().insert(modality, set.clone());
            }
        }
        Ok(measured)
    }
}

/// Writes ascending ids as runs: `1-3,7`.
fn to_runs(tokens: &[u32]) -> String {
    let runs = tokens.chunk_by(|a, b| a + 1 == *b);
    let texts: Vec<String> = runs
        .map(|run| match (run.first(), run.last()) {
            (Some(first), Some(last)) if first < last => format!("{first}-{last}"),
            (Some(first), _) => first.to_string(),
            _ => String::new(),
        })
        .collect();
    texts.join(",")
}

/// Reads runs of ascending ids within 1 to `n_genes`.
fn from_runs(text: &str, n_genes: usize) -> Option<Vec<u32>> {
    let mut tokens: Vec<u32> = Vec::new();
    for run in text.split(',').filter(|run| !run.is_empty()) {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        let above = tokens.last().copied().unwrap_or(0);
        if first <= above || last < first || last as usize > n_genes {
            return None;
        }
        tokens.extend(first..=last);
    }
    Some(tokens)
}
