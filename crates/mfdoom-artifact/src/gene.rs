//! Genes as tables and vocabularies name them.

use mfdoom_error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Key of the schema metadata that lists the genes of a table's vectors, in order, as JSON.
pub const GENES_KEY: &str = "mfdoom.genes";

/// A gene: the id that decides, and the symbol for people.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gene {
    /// Id, such as `ENSG00000000003` or a symbol where a file has nothing else.
    pub id: String,
    /// Symbol; the id where none is known.
    pub symbol: String,
}

impl Gene {
    /// Returns a gene.
    pub fn new(id: impl Into<String>, symbol: impl Into<String>) -> Self {
        Self { id: id.into(), symbol: symbol.into() }
    }
}

/// Returns the JSON list `[{"id": ..., "symbol": ...}, ...]` of [`GENES_KEY`].
pub fn genes_to_json(genes: &[Gene]) -> String {
    serde_json::to_string(genes).unwrap_or_default()
}

/// Reads the list of [`GENES_KEY`]; plain strings are ids and symbols at once. `source` names the table.
///
/// # Errors
/// Contract, when the text is no such list or an id comes twice.
pub fn genes_from_json(text: &str, source: &str) -> Result<Vec<Gene>> {
    let wrong = || {
        Error::contract(format!("{source}: {GENES_KEY} is no list of genes"))
            .wanted(r#"a JSON list of {"id": ..., "symbol": ...} or of names"#)
    };
    let items: Vec<Value> = serde_json::from_str(text).map_err(|error| wrong().source(error))?;
    let gene = |item: Value| match item {
        Value::String(name) => Ok(Gene::new(name.clone(), name)),
        object => serde_json::from_value(object).map_err(|error| wrong().source(error)),
    };
    let genes = items.into_iter().map(gene).collect::<Result<Vec<Gene>>>()?;
    let mut ids: Vec<&str> = genes.iter().map(|gene| gene.id.as_str()).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => Err(Error::contract(format!("{source}: gene {:?} is there twice", twice[0]))
            .wanted("each gene once")
            .help("make the gene ids unique, as a column of vectors has one value a gene")),
        None => Ok(genes),
    }
}
