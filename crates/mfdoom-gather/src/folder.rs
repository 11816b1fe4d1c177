//! Velocity folders: their tables of cells are put together, everything else must be the same in all shards.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mfdoom_artifact::table::MANIFEST_KEY;
use mfdoom_artifact::{AtomicDir, Manifest, Output, sha256_file};
use mfdoom_error::{Error, Result};

use crate::agree::{self, Part};
use crate::args::Args;
use crate::table;

const MANIFEST: &str = "manifest.json";

/// Gathers the shards of one folder.
///
/// # Errors
/// Those of [`agree::order`]; contract where the folders hold other files, or a file without a row per cell
/// differs between them.
pub fn gather(args: &Args) -> Result<()> {
    let Some(output) = args.output.output.as_deref() else {
        return Err(Error::usage("folders cannot go to standard output").help("give -o FOLDER"));
    };
    let parts: Vec<Part> = args.parts.iter().map(|path| part(path)).collect::<Result<_>>()?;
    let (order, whole) = agree::order(&parts)?;
    let folders: Vec<&Path> = order.iter().map(|&i| args.parts[i].as_path()).collect();
    let names = names(&folders)?;
    if args.common.check {
        tracing::info!("check: would write {} files of {} shards; wrote nothing", names.len(), folders.len());
        return Ok(());
    }
    let folder = AtomicDir::create(output, args.output.force)?;
    let mut cells = 0;
    for name in &names {
        cells = cells.max(file(&folders, name, folder.path())?);
    }
    write_manifest(whole, &parts[0].manifest, folder.path())?;
    folder.commit()?;
    tracing::info!("{}: {cells} cells of {} shards", output.display(), folders.len());
    Ok(())
}

fn part(folder: &Path) -> Result<Part> {
    let path = folder.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(|error| Error::io(&path, error))?;
    let name = folder.display().to_string();
    Ok(Part { manifest: Manifest::from_json(&text, &path.display().to_string())?, name })
}

/// Returns the names of the files beside the manifest, the same in all folders.
fn names(folders: &[&Path]) -> Result<BTreeSet<String>> {
    let list = |folder: &Path| -> Result<BTreeSet<String>> {
        let entries = fs::read_dir(folder).map_err(|error| Error::io(folder, error))?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.filter(|name: &Result<String>| !name.as_ref().is_ok_and(|name| name == MANIFEST)).collect()
    };
    let Some((first, others)) = folders.split_first() else { return Ok(BTreeSet::new()) };
    let wanted = list(first)?;
    for folder in others {
        let found = list(folder)?;
        if let Some(name) = found.symmetric_difference(&wanted).next() {
            let (with, without) = if found.contains(name) { (folder, first) } else { (first, folder) };
            return Err(Error::contract(format!("{}: no {name}", without.display()))
                .wanted(format!("the same files as in {}", with.display()))
                .help("make all shards in the same way"));
        }
    }
    Ok(wanted)
}

/// Writes one file of the whole and returns its number of cells, 0 where its rows are not cells.
fn file(folders: &[&Path], name: &str, to: &Path) -> Result<usize> {
    let paths: Vec<PathBuf> = folders.iter().map(|folder| folder.join(name)).collect();
    if name.ends_with(".parquet") && table::of_cells(&table::open(&paths[0])?) {
        let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let (mut schema, _) = table::agree(&paths)?;
        if let Some(text) = schema.metadata().get(MANIFEST_KEY) {
            let own = Manifest::from_json(text, &paths[0].display().to_string())?.whole();
            schema = table::with_manifest(&schema, &own);
        }
        return table::copy(&paths, schema, &Output::file(to.join(name), false));
    }
    let wanted = sha256_file(&paths[0])?;
    for path in &paths[1..] {
        if sha256_file(path)? != wanted {
            return Err(Error::contract(format!("{}: differs from {}", path.display(), paths[0].display()))
                .wanted("a table with a row per cell, or the same file in every shard")
                .help("gather what --shard made; run mfdoom-velocity graph on the whole"));
        }
    }
    let target = to.join(name);
    fs::copy(&paths[0], &target).map_err(|error| Error::io(&target, error))?;
    Ok(0)
}

/// Writes the manifest of the whole, with the checksums of the files that the shards' manifests list.
fn write_manifest(mut whole: Manifest, of_shard: &Manifest, folder: &Path) -> Result<()> {
    whole.files.clear();
    for name in of_shard.files.keys() {
        whole.files.insert(name.clone(), sha256_file(&folder.join(name))?);
    }
    let value = serde_json::to_value(&whole)
        .map_err(|error| Error::failed("the manifest cannot be written").source(error))?;
    let path = folder.join(MANIFEST);
    fs::write(&path, format!("{value:#}\n")).map_err(|error| Error::io(&path, error))
}
