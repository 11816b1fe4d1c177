//! Clusters of the cells and the edges between them.

use std::collections::HashMap;
use std::path::Path;

use mfdoom_artifact::key::{CELL_ID, DATASET, by_key};
use mfdoom_artifact::{Column, Input, TableReader, table};
use mfdoom_counts::H5ad;
use mfdoom_error::{Error, Result};

use super::args::VelocityArgs;
use super::matching::Matched;
use super::source::{Key, VelocityInput};

/// Label of each predicted cell.
pub(super) type Labels = Vec<Option<String>>;

/// Clusters of the scored cells.
pub(super) struct Clusters {
    /// Names in order.
    pub(super) names: Vec<String>,
    /// Cluster of each cell.
    pub(super) codes: Vec<u32>,
    /// Edges, as positions in the names.
    pub(super) edges: Vec<(u32, u32)>,
}

impl Clusters {
    /// Sorts the labels and reads the edges.
    ///
    /// # Errors
    /// Usage: an edge that is not `A>B`. Contract: an edge that names no cluster.
    pub(super) fn new(matched: &Matched, args: &VelocityArgs) -> Result<Self> {
        let mut names = matched.labels.clone();
        names.sort_unstable();
        names.dedup();
        let code = |name: &String| names.binary_search(name).map(|code| code as u32).unwrap_or_default();
        let codes = matched.labels.iter().map(code).collect();
        let edges = args.edges.iter().map(|edge| edge_of(edge, &names)).collect::<Result<_>>()?;
        Ok(Self { names, codes, edges })
    }
}

/// Reads `A>B`, where names may hold `>` too: every place of one is tried.
fn edge_of(text: &str, names: &[String]) -> Result<(u32, u32)> {
    let find = |name: &str| names.iter().position(|known| known == name.trim()).map(|at| at as u32);
    let sides: Vec<(&str, &str)> =
        text.match_indices('>').map(|(at, _)| (&text[..at], &text[at + 1..])).collect();
    let edges: Vec<(u32, u32)> =
        sides.iter().filter_map(|(from, to)| Some((find(from)?, find(to)?))).collect();
    match edges.as_slice() {
        [edge] => Ok(*edge),
        [] if sides.is_empty() => {
            Err(Error::usage(format!("--edges {text}")).wanted("A>B: from cluster A to cluster B"))
        }
        [] => {
            let unknown = sides.iter().flat_map(|(from, to)| [from, to]).find(|name| find(name).is_none());
            let unknown = unknown.map_or("", |name| name.trim());
            Err(Error::contract(format!("--edges {text}: no scored cell is in a cluster {unknown:?}"))
                .found(names.join(", "))
                .help("name clusters of the column of --label; quote an edge whose names hold commas: '\"A, b>C\"'"))
        }
        _ => Err(Error::usage(format!("--edges {text}: can be read in {} ways", edges.len()))
            .found(names.join(", "))
            .help("rename the clusters, so that no name with > is made of two others")),
    }
}

/// Returns the label of each predicted cell, where a column is asked for.
///
/// # Errors
/// Contract: no such column.
pub(super) fn labels(args: &VelocityArgs, sources: &[VelocityInput]) -> Result<Option<Labels>> {
    let Some(label) = &args.label else { return Ok(None) };
    let keys = &sources[0].keys;
    if let Some(path) = &args.label_source {
        return from_file(path, label, keys).map(Some);
    }
    let Some(source) = sources.iter().find(|source| source.labels.is_some()) else {
        let mut found: Vec<&str> =
            sources.iter().flat_map(|source| &source.columns).map(String::as_str).collect();
        found.sort_unstable();
        found.dedup();
        return Err(missing(label, &sources[0].name, &found));
    };
    let there = source.keys.iter().zip(source.labels.iter().flatten());
    let known = |key: &Key| if source.by_id { (String::new(), key.1.clone()) } else { key.clone() };
    let of: HashMap<&Key, &Option<String>> = there.collect();
    Ok(Some(keys.iter().map(|key| of.get(&known(key)).and_then(|label| (*label).clone())).collect()))
}

fn missing(label: &str, source: &str, found: &[&str]) -> Error {
    mfdoom_error::missing(source, "column", label, found.iter().copied(), "--label ")
        .or_help("name one of these, or where it is: --label-source data.h5ad")
}

/// Reads labels of an h5ad file by cell id, or of a table by its key.
fn from_file(path: &Path, label: &str, keys: &[Key]) -> Result<Labels> {
    let name = path.display().to_string();
    if crate::embedding::is_hdf5(path) {
        let file = H5ad::open(path)?;
        let columns = file.obs_columns();
        if !columns.iter().any(|column| column == label) {
            return Err(missing(label, &name, &columns.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        let values = file.obs_column(label)?.to_strings();
        let names = file.obs_names()?.into_iter().map(|name| (String::new(), name));
        let of = by_key(&name, names.zip(values))?;
        let known = |cell: &String| of.get(&(String::new(), cell.clone())).cloned().flatten();
        return Ok(keys.iter().map(|(_, cell)| known(cell)).collect());
    }
    let reader = TableReader::open(&Input::Path(path.to_owned()))?;
    let schema = reader.schema().clone();
    let found: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    if !found.contains(&label) {
        return Err(missing(label, &name, &found));
    }
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch?;
        let text = |column| table::column::strings(table::column::by_name(&batch, column, &name)?, &name);
        let values = table::column::by_name(&batch, label, &name)?;
        let values = Column::from_any_arrow(values, &format!("{name}: {label}"))?.to_strings();
        let keys = text(DATASET)?.into_iter().zip(text(CELL_ID)?);
        for (key, value) in keys.zip(values) {
            if let (Some(dataset), Some(cell)) = key {
                rows.push(((dataset, cell), value));
            }
        }
    }
    let of = by_key(&name, rows)?;
    Ok(keys.iter().map(|key| of.get(key).cloned().flatten()).collect())
}
