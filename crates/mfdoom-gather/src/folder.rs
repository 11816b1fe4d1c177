//! Folders of velocities or trajectories: their tables of cells are put together, everything else must be the same in all shards.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mfdoom_artifact::folder::publish;
use mfdoom_artifact::table::MANIFEST_KEY;
use mfdoom_artifact::{AtomicDir, Folder, Manifest, Output, sha256_file};
use mfdoom_error::{Error, Result};

use crate::agree::{self, Part};
use crate::args::Args;
use crate::table;

/// Gathers the shards of one folder.
///
/// # Errors
/// Those of [`agree::order`]; contract where the folders hold other files, or a file without a row per cell
/// differs between them.
pub fn gather(args: &Args) -> Result<()> {
    let Some(output) = args.output.output.as_deref() else {
        return Err(Error::usage("folders cannot go to standard output").help("give -o FOLDER"));
    };
    let open = |path: &PathBuf| {
        Folder::open(path, "folder", "an output of mfdoom-velocity or mfdoom-generate with --shard")
    };
    let opened: Vec<Folder> = args.parts.iter().map(open).collect::<Result<_>>()?;
    let part = |folder: &Folder| Part {
        name: folder.path().display().to_string(),
        manifest: folder.manifest().clone(),
    };
    let (order, whole) = agree::order(&opened.iter().map(part).collect::<Vec<_>>())?;
    let folders: Vec<&Folder> = order.iter().map(|&i| &opened[i]).collect();
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
    publish(folder, whole)?;
    tracing::info!("{}: {cells} cells of {} shards", output.display(), folders.len());
    Ok(())
}

/// Returns the names of the files, the same in all folders.
fn names(folders: &[&Folder]) -> Result<BTreeSet<String>> {
    let Some((first, others)) = folders.split_first() else { return Ok(BTreeSet::new()) };
    let wanted = first.names()?;
    for folder in others {
        let found = folder.names()?;
        if let Some(name) = found.symmetric_difference(&wanted).next() {
            let (with, without) = if found.contains(name) { (folder, first) } else { (first, folder) };
            return Err(Error::contract(format!("{}: no {name}", without.path().display()))
                .wanted(format!("the same files as in {}", with.path().display()))
                .help("make all shards in the same way"));
        }
    }
    Ok(wanted)
}

/// Writes one file of the whole and returns its number of cells, 0 where its rows are not cells.
fn file(folders: &[&Folder], name: &str, to: &Path) -> Result<usize> {
    let paths: Vec<PathBuf> = folders.iter().map(|folder| folder.file(name)).collect::<Result<_>>()?;
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
