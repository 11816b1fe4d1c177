//! What `mfdoom-annotate` does.

use mfdoom_artifact::{EmbeddingReader, Input};
use mfdoom_counts::H5ad;
use mfdoom_error::{Error, Result};
use mfdoom_into::Target;

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
    let mut target = Target::copy(&args.file, output, args.output.force)?;
    for path in &args.embeddings {
        let reader = EmbeddingReader::open(&Input::Path(path.to_owned()))?;
        target.add_embeddings(reader).map_err(|error| error.context(path.display()))?;
    }
    for folder in &args.velocity {
        target.add_velocity(folder).map_err(|error| error.context(folder.display()))?;
    }
    target.commit()?;
    tracing::info!("{}: {cells} cells", output.display());
    Ok(())
}
