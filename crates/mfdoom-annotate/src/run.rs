//! What `mfdoom-annotate` does.

use std::path::Path;

use mfdoom_artifact::{AtomicFile, EmbeddingReader, Input};
use mfdoom_counts::H5ad;
use mfdoom_error::{Error, Result};
use mfdoom_into::EmbeddingsInto;

use crate::args::Args;

/// Copies an AnnData file and adds results to the copy.
///
/// # Errors
/// Usage: nothing to add, or no file to write. Contract: a file that cannot be read, or results of other cells.
pub fn run(args: Args) -> Result<()> {
    if args.embeddings.is_empty() && args.velocity.is_empty() {
        return Err(Error::usage("nothing to add").help("give --embeddings or --velocity"));
    }
    let Some(output) = args.output.output.as_deref() else {
        return Err(Error::usage("an AnnData file cannot go to standard output").help("give -o FILE.h5ad"));
    };
    let cells = H5ad::open(&args.file)?.n_obs();
    if args.common.check {
        tracing::info!("check: would add results to {cells} cells; wrote nothing");
        return Ok(());
    }
    // The file is copied under its partial name, where every addition replaces it.
    let copy = AtomicFile::create(output, args.output.force)?;
    std::fs::copy(&args.file, copy.path()).map_err(|error| Error::io(output, error))?;
    for path in &args.embeddings {
        add_embeddings(path, copy.path()).map_err(|error| error.context(path.display()))?;
    }
    for folder in &args.velocity {
        mfdoom_into::velocity::add(folder, copy.path()).map_err(|error| error.context(folder.display()))?;
    }
    copy.commit()?;
    tracing::info!("{}: {cells} cells", output.display());
    Ok(())
}

fn add_embeddings(path: &Path, to: &Path) -> Result<()> {
    let reader = EmbeddingReader::open(&Input::Path(path.to_owned()))?;
    let mut into = EmbeddingsInto::open(to, reader.schema())?;
    for batch in reader {
        into.add(&batch?)?;
    }
    into.commit()
}
