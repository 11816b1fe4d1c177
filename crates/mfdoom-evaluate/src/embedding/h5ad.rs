//! Embeddings from matrices in `obsm` of an h5ad file.

use std::path::Path;

use mfdoom_artifact::{Input, sha256_file};
use mfdoom_counts::{H5ad, Source};
use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, subsample};

use super::input::{EmbeddedCells, Groups, HeadVectors, NamedColumn, choose, need_column};
use crate::args::EmbeddingArgs;

/// Cells read at a time.
const ROWS: usize = 4096;

/// Reads the matrices of `--obsm` as heads; a cell whose vectors are all NaN has no embedding.
pub(super) fn read(path: &Path, args: &EmbeddingArgs) -> Result<EmbeddedCells> {
    let file = H5ad::open(path)?;
    let source = path.display().to_string();
    let keys = keys(&file, args, &source)?;
    let columns = file.obs_columns();
    let column = |name: &str| -> Result<Vec<Option<String>>> { Ok(file.obs_column(name)?.to_strings()) };
    let label = args.label.as_ref().filter(|label| columns.contains(label));
    let labels = label.map(|label| column(label)).transpose()?;
    let batches = match &args.batch_key {
        Some(batch) => {
            need_column(&columns, batch, &source, "--batch-key")?;
            Some(column(batch)?)
        }
        None => None,
    };
    let heads =
        keys.iter().map(|key| dense(&file, &Source::Obsm(key.clone()))).collect::<Result<Vec<Matrix>>>()?;
    let before = match &args.before {
        None => None,
        Some(key) => {
            need(&file, key, "--before", &source)?;
            Some((key.clone(), dense(&file, &Source::Obsm(key.clone()))?))
        }
    };
    let embedded: Vec<usize> = (0..file.n_obs())
        .filter(|&row| heads.iter().any(|head| !head.row(row).iter().all(|v| v.is_nan())))
        .collect();
    let drawn = subsample(embedded.len(), args.max_cells, args.seed.seed);
    let rows: Vec<usize> = drawn.into_iter().map(|at| embedded[at]).collect();
    let names = file.obs_names()?;
    let named = |name: &str, values: Vec<Option<String>>| NamedColumn {
        column: name.to_owned(),
        values: rows.iter().map(|&row| values[row].clone()).collect(),
    };
    let taken = |(name, head): (String, Matrix)| HeadVectors {
        name,
        from: Vec::new(),
        vectors: head.select_rows(&rows),
        present: None,
    };
    let heads = keys.into_iter().zip(heads).map(taken);
    Ok(EmbeddedCells {
        name: Input::Path(path.to_owned()).base_name(),
        content_id: Some(sha256_file(path)?),
        dataset: None,
        cell_id: rows.iter().map(|&row| names[row].clone()).collect(),
        heads: heads.collect(),
        before: before.map(taken),
        pairs: Vec::new(),
        groups: Groups::default(),
        labels: labels.map(|values| named(args.label.as_deref().unwrap_or_default(), values)),
        batches: batches.map(|values| named(args.batch_key.as_deref().unwrap_or_default(), values)),
        n_without: file.n_obs() - embedded.len(),
        columns,
        n_total: file.n_obs(),
    })
}

/// Returns the keys of `obsm` to take.
fn keys(file: &H5ad, args: &EmbeddingArgs, source: &str) -> Result<Vec<String>> {
    if args.obsm.is_empty() {
        let found = listed(&there(file));
        return Err(Error::usage(format!("{source}: which matrix of obsm?")).found(found).help("--obsm KEY"));
    }
    args.obsm.iter().try_for_each(|key| need(file, key, "--obsm", source))?;
    let chosen = choose(&args.obsm, &args.heads, source)?;
    Ok(chosen.into_iter().map(|at| args.obsm[at].clone()).collect())
}

fn there(file: &H5ad) -> Vec<String> {
    let key = |found: &Source| match found {
        Source::Obsm(key) => Some(key.clone()),
        _ => None,
    };
    file.sources().iter().filter_map(key).collect()
}

fn listed(keys: &[String]) -> String {
    if keys.is_empty() { "obsm is empty".to_owned() } else { keys.join(", ") }
}

/// Checks that a matrix asked for is there.
fn need(file: &H5ad, key: &String, flag: &str, source: &str) -> Result<()> {
    let there = there(file);
    match there.contains(key) {
        true => Ok(()),
        false => Err(Error::contract(format!("{source}: no obsm/{key}"))
            .found(listed(&there))
            .help(format!("{flag} KEY"))),
    }
}

/// Reads a matrix in full, block by block.
pub(crate) fn dense(file: &H5ad, source: &Source) -> Result<Matrix> {
    let mut matrix = file.matrix(source)?;
    let (n, dim) = (matrix.n_rows(), matrix.n_cols());
    let mut data = vec![0.0; n * dim];
    for start in (0..n).step_by(ROWS) {
        let block = matrix.read_rows(start..n.min(start + ROWS))?;
        for row in 0..block.n_rows() {
            let (columns, values) = block.row(row);
            let to = &mut data[(start + row) * dim..(start + row + 1) * dim];
            columns.iter().zip(values).for_each(|(&column, &value)| to[column as usize] = value);
        }
    }
    Matrix::new(data, n, dim).map_err(|error| Error::failed(source.to_string()).source(error))
}
