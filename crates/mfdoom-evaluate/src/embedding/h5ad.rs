//! Embeddings from matrices in `obsm` of an h5ad file.

use std::path::Path;

use mfdoom_artifact::{Input, sha256_file};
use mfdoom_counts::H5ad;
use mfdoom_error::{Error, Result};
use mfdoom_matrix::{Matrix, subsample};

use super::input::{EmbeddedCells, Groups, HeadVectors, NamedColumn, choose, need_column};
use crate::args::EmbeddingArgs;
use crate::scores::{Kind, ScoredInput};

/// Reads the matrices of `--obsm` as heads; a cell whose vectors are all NaN has no embedding.
pub(super) fn read(path: &Path, args: &EmbeddingArgs) -> Result<EmbeddedCells> {
    let file = H5ad::open(path)?;
    let source = path.display().to_string();
    let keys = keys(&file, args, &source)?;
    let columns = file.obs_columns();
    let column = |name: &str| -> Result<NamedColumn> {
        let found = file.obs_column(name)?;
        Ok(NamedColumn { column: name.to_owned(), kind: found.kind(), values: found.to_strings() })
    };
    let label = args.label.as_ref().filter(|label| columns.contains(label));
    let labels = label.map(|label| column(label)).transpose()?;
    let batches = match &args.batch_key {
        Some(batch) => {
            need_column(&columns, batch, &source, "--batch-key")?;
            Some(column(batch)?)
        }
        None => None,
    };
    let heads = keys.iter().map(|key| file.obsm(key)).collect::<Result<Vec<Matrix>>>()?;
    let before =
        args.before.as_ref().map(|key| Ok::<_, Error>((key.clone(), file.obsm(key)?))).transpose()?;
    let embedded: Vec<usize> = (0..file.n_obs())
        .filter(|&row| heads.iter().any(|head| !head.row(row).iter().all(|v| v.is_nan())))
        .collect();
    let drawn = subsample(embedded.len(), args.max_cells, args.run.seed.seed);
    let rows: Vec<usize> = drawn.into_iter().map(|at| embedded[at]).collect();
    let names = file.obs_names()?;
    let of_rows = |column: NamedColumn| NamedColumn {
        values: rows.iter().map(|&row| column.values[row].clone()).collect(),
        ..column
    };
    let taken = |(name, head): (String, Matrix)| HeadVectors {
        name,
        kind: Kind::Head,
        from: Vec::new(),
        is_mixed: None,
        vectors: head.select_rows(&rows),
        present: None,
    };
    let heads = keys.into_iter().zip(heads).map(taken);
    let name = Input::Path(path.to_owned()).base_name();
    Ok(EmbeddedCells {
        sources: vec![ScoredInput::new(&name, Some(sha256_file(path)?))],
        name,
        dataset: None,
        cell_id: rows.iter().map(|&row| names[row].clone()).collect(),
        heads: heads.collect(),
        before: before.map(taken),
        pairs: Vec::new(),
        groups: Groups::default(),
        labels: labels.map(of_rows),
        batches: batches.map(of_rows),
        n_without: file.n_obs() - embedded.len(),
        columns,
        n_total: file.n_obs(),
    })
}

/// Returns the keys of `obsm` to take.
fn keys(file: &H5ad, args: &EmbeddingArgs, source: &str) -> Result<Vec<String>> {
    if args.obsm.is_empty() {
        let keys = file.obsm_keys();
        let found = if keys.is_empty() { "obsm is empty".to_owned() } else { keys.join(", ") };
        return Err(Error::usage(format!("{source}: which matrix of obsm?")).found(found).help("--obsm KEY"));
    }
    let chosen = choose(&args.obsm, &args.heads, source)?;
    Ok(chosen.into_iter().map(|at| args.obsm[at].clone()).collect())
}
