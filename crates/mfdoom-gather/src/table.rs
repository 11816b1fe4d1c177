//! Tables of cells: opened, compared, copied, one at a time: there may be more shards than files that a process may open.

use std::path::Path;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use mfdoom_artifact::key::{CELL_ID, DATASET};
use mfdoom_artifact::table::{FORMAT_KEY, MANIFEST_KEY};
use mfdoom_artifact::{Input, Manifest, Output, TableCopier, TableReader};
use mfdoom_cli::Progress;
use mfdoom_error::{Error, Result};

use crate::agree::{self, Part};
use crate::args::Args;

/// Gathers the shards of one table.
///
/// # Errors
/// Those of [`agree::order`] and of [`copy`].
pub fn gather(args: &Args) -> Result<()> {
    let output = mfdoom_cli::output(args.output.output.as_deref(), args.output.force)?;
    let parts: Vec<Part> = args.parts.iter().map(|path| part(&open(path)?)).collect::<Result<_>>()?;
    let (order, whole) = agree::order(&parts)?;
    let paths: Vec<&Path> = order.iter().map(|&i| args.parts[i].as_path()).collect();
    let (schema, rows) = agree(&paths)?;
    if args.common.check {
        tracing::info!("check: would write {rows} cells of {} shards; wrote nothing", paths.len());
        return Ok(());
    }
    let written = copy(&paths, with_manifest(&schema, &whole), &output)?;
    tracing::info!("{output}: {written} cells of {} shards", paths.len());
    Ok(())
}

/// Opens a parquet table.
///
/// # Errors
/// Contract: not a table, or a stream.
pub fn open(path: &Path) -> Result<TableReader> {
    let table = TableReader::open(&Input::Path(path.to_owned()))?;
    match table.n_rows() {
        Some(_) => Ok(table),
        None => Err(Error::contract(format!("{}: an Arrow stream", path.display()))
            .wanted("a parquet file")
            .help("write the shards as parquet: -o NAME.parquet")),
    }
}

/// Returns whether a table has a row per cell.
pub fn of_cells(table: &TableReader) -> bool {
    [DATASET, CELL_ID].iter().all(|name| table.schema().field_with_name(name).is_ok())
}

fn part(table: &TableReader) -> Result<Part> {
    let name = table.name().to_owned();
    let text =
        table.metadata(MANIFEST_KEY).filter(|_| table.metadata(FORMAT_KEY).is_some() && of_cells(table));
    let Some(text) = text else {
        return Err(Error::contract(format!("{name}: not a table of cells written by MFDOOM"))
            .wanted("a token table, embeddings or predictions"));
    };
    Ok(Part { manifest: Manifest::from_json(text, &name)?, name })
}

/// Checks that tables have the same columns and, but for the manifest, the same metadata; returns the schema of the
/// first and the number of rows of all.
///
/// # Errors
/// Contract: not a table, or other columns. Incompatible: another vocabulary or other metadata.
pub fn agree(paths: &[&Path]) -> Result<(SchemaRef, usize)> {
    let first = open(paths[0])?;
    let mut rows = 0;
    for path in paths {
        let table = open(path)?;
        let name = table.name();
        if table.schema().fields() != first.schema().fields() {
            return Err(Error::contract(format!("{name}: other columns than {}", first.name()))
                .found(columns(table.schema()))
                .wanted(columns(first.schema())));
        }
        if let Some(key) = other_metadata(table.schema(), first.schema()) {
            return Err(Error::incompatible(format!("{name}: another {key} than {}", first.name()))
                .help("make all shards from the same data, vocabulary and model"));
        }
        rows += table.n_rows().unwrap_or_default();
    }
    Ok((first.schema().clone(), rows))
}

/// Returns a key of the metadata whose values differ, in words.
fn other_metadata(a: &Schema, b: &Schema) -> Option<String> {
    let mut keys: Vec<String> =
        a.metadata().iter().chain(b.metadata().iter()).map(|(key, _)| key.to_string()).collect();
    keys.sort_unstable();
    let differs = |key: &String| key != MANIFEST_KEY && a.metadata().get(key) != b.metadata().get(key);
    keys.into_iter().find(differs).map(|key| match key.as_str() {
        "mfdoom.vocab" => "vocabulary".to_owned(),
        "mfdoom.genes" => "list of genes".to_owned(),
        "mfdoom.measured" => "list of measured genes".to_owned(),
        other => other.to_owned(),
    })
}

fn columns(schema: &Schema) -> String {
    let of = schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type()));
    of.collect::<Vec<_>>().join(", ")
}

/// Returns a schema with the manifest of the whole.
pub fn with_manifest(schema: &SchemaRef, whole: &Manifest) -> SchemaRef {
    let mut metadata = schema.metadata().clone();
    metadata.insert(MANIFEST_KEY, whole.to_json());
    Arc::new(schema.as_ref().clone().with_metadata(metadata))
}

/// Writes the row groups of tables after one another and returns the number of rows.
///
/// # Errors
/// Contract: a damaged table. Failed: writing.
pub fn copy(paths: &[&Path], schema: SchemaRef, output: &Output) -> Result<usize> {
    let mut copier = TableCopier::create(output, schema)?;
    let progress = Progress::new("gathering", Some(paths.len() as u64), "shards");
    for path in paths {
        copier.append(&open(path)?)?;
        progress.inc(1);
    }
    copier.finish()
}
